"""`publication_status`: of which moment each published relation is, and why not of the newest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from python_ingest.publication.descriptions import Description, Descriptions
from python_ingest.publication.former import FORMER
from python_ingest.publication.live_models import LiveModels
from python_ingest.storage.cold_files import exists

STATUS = "publication_status"
# Positions and the portfolio are valued by the bars of another chain.
_MARKED_CHAIN, _MARKING_CHAIN = "trading", "bars"
_COLUMNS = """
    relation varchar primary key,
    chain varchar,
    batch_id bigint,
    marked_with_batch_id bigint,
    published_at timestamp,
    held_back_because varchar
"""
# What the table and its columns mean.
DESCRIBED = Description(
    "One row per published relation: of which moment it is, and why not of the newest.",
    {
        "relation": "The relation of schema `main`.",
        "chain": "The chain of models that it belongs to; NULL where it belongs to none.",
        "batch_id": "Newest landed batch in it.",
        "marked_with_batch_id": "Newest landed batch in the bars that valued it; of positions and"
        " portfolio.",
        "published_at": "When these rows were published, UTC.",
        "held_back_because": "Why it is as it was published before; NULL where it is not.",
    },
)


@dataclass(frozen=True)
class PublishedState:
    """What is published now: the chain of relations of `main`, and why a chain is held back.

    `built`: the models that `ingest serve` is to run. `described`: what relations of `main` mean.
    """

    published_at: datetime
    chain_of: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    built: LiveModels = field(default_factory=LiveModels)
    described: Descriptions = field(default_factory=dict)

    @property
    def live(self) -> LiveModels:
        """Return the models to publish: those of chains that are not held back."""
        return self.built.without(self.reasons)

    @property
    def held_back(self) -> set[str]:
        """Return the relations that go on as they were published before."""
        return {relation for relation, chain in self.chain_of.items() if chain in self.reasons}


def batches_of_chains(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the newest batch in each chain of the connected warehouse."""
    if not exists(connection, "state.chains"):
        return {}
    found = connection.execute("select chain, batch_id from state.chains").fetchall()
    return {str(chain): int(batch) for chain, batch in found}


def write_status(
    connection: duckdb.DuckDBPyConnection, state: PublishedState, batches: Mapping[str, int]
) -> None:
    """Add the table to the current database, which holds all else that is published."""
    relations = connection.execute(
        "select table_name from (from duckdb_tables() union all by name"
        " select view_name as table_name, * from duckdb_views())"
        " where database_name = current_database() and schema_name = 'main' and not internal"
    ).fetchall()
    connection.execute(f"create table main.{STATUS} ({_COLUMNS})")
    for (relation,) in relations:
        chain = state.chain_of.get(relation)
        if reason := state.reasons.get(str(chain)):
            connection.execute(
                f"insert into main.{STATUS} by name select * replace (? as held_back_because)"
                f" from {FORMER}.main.{STATUS} where relation = ?",
                [reason, relation],
            )
        else:
            marked = batches.get(_MARKING_CHAIN) if chain == _MARKED_CHAIN else None
            connection.execute(
                f"insert into main.{STATUS} values (?, ?, ?, ?, ?, null)",
                [relation, chain, batches.get(str(chain)), marked, state.published_at],
            )
