"""`publication_status`: of which moment each published relation is, and why not of the newest.

And `missing_files`: which cold files the published file reads and does not find. One that was
copied elsewhere without them answers queries of old rows with an error that names one file; this
view names all, wherever it is opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.publication.descriptions import Descriptions
from python_ingest.publication.former import FORMER
from python_ingest.publication.live_models import LiveModels
from python_ingest.publication.query import SQL
from python_ingest.publication.views import Relation, view_texts
from python_ingest.storage.cold_files import exists
from python_ingest.storage.sql import literal, value_of

STATUS, MISSING = "publication_status", "missing_files"
# Positions and the portfolio are valued by the bars of another chain.
_MARKED_CHAIN, _MARKING_CHAIN = "trading", "bars"


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
    texts = view_texts(connection, value_of(connection, "select current_database()"))
    connection.execute(SQL.status(STATUS))
    for relation in [name for schema, name in texts if schema == "main"]:
        chain = state.chain_of.get(relation)
        if reason := state.reasons.get(str(chain)):
            connection.execute(SQL.status_of_former(STATUS, FORMER), [reason, relation])
        else:
            marked = batches.get(_MARKING_CHAIN) if chain == _MARKED_CHAIN else None
            connection.execute(
                f"insert into main.{STATUS} values (?, ?, ?, ?, ?, null)",
                [relation, chain, batches.get(str(chain)), marked, state.published_at],
            )


def create_missing_files(connection: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    """Add the view to the current database, where it publishes which cold files there are.

    `data_dir`: below which local cold files are. Files on S3 are not looked for.
    """
    texts = view_texts(connection, value_of(connection, "select current_database()"))
    if not texts.get(Relation("main", "cold_files")):
        return
    cold = literal(f"{data_dir.resolve()}/cold/")
    connection.execute(SQL.missing_files(MISSING, cold))
