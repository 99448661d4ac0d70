"""The models that `ingest serve` runs by itself: their compiled SELECTs and what these read.

A publication carries them, so that the server needs no dbt (docs/adr/0191). They are dbt's own
texts of a build that restated: the SELECT of an incremental model gives the rows of its region.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any, Self

import duckdb
from pydantic import TypeAdapter, ValidationError

from python_ingest.errors import IngestError
from python_ingest.publication.views import (
    INTERNAL,
    Relation,
    portable_view,
    reads_of,
    view_texts,
    with_what_they_read,
)
from python_ingest.storage.sql import value_of

# What is served as if a build ran this instant.
SERVED = (
    "latest_ticks",
    "ohlcv_bars",
    "ohlcv_bars_filled",
    "orders",
    "trades",
    "positions",
    "current_positions",
    "portfolio_snapshots",
    "account_snapshots",
)
_OTHERS = "its models are of another version of ingest: start `ingest serve` of that version"
NONE_BUILT = "no build that restates has been published yet"
# Where a publication keeps the models.
_MODELS = f"{INTERNAL}.live__models"
_TICKS = Relation("raw", "market_ticks")
# What the restating of models reads and writes (macros/engine/restate.sql).
TOMBSTONES = Relation("warm", "tombstones")
VANISHED = Relation("state", "vanished_rows")
_TOLD = (TOMBSTONES, VANISHED)
RUN = Relation("state", "run")
# The chain that is shown after the others (docs/adr/0191).
_LAST_CHAIN = "trading"


@dataclass(frozen=True)
class Model:
    """A relation that dbt builds, in the form in which a build that restates runs it.

    `materialized`: view, table or incremental. Of an incremental model: `key` tells its rows apart,
    `meta` says what its region is (macros/engine/restate.sql). `reads`: the relations that its
    SELECT names.
    """

    relation: Relation
    chain: str
    materialized: str
    sql: str
    reads: tuple[Relation, ...]
    key: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pending(self) -> Relation | None:
        """What names the rows of its region; None where none does."""
        region = self.meta.get("region")
        name = region.get("pending") if isinstance(region, Mapping) else None
        return Relation("intermediate", name) if name else None


@dataclass(frozen=True)
class LiveModels:
    """The models behind what is served live, each after those that it reads.

    `database`: the name by which their SELECTs call the warehouse. `served`: relations of `main`.
    `missing`: why the others, or all, are not served live.
    """

    database: str = ""
    models: tuple[Model, ...] = ()
    served: tuple[str, ...] = ()
    missing: str = NONE_BUILT

    @property
    def base(self) -> list[Relation]:
        """What they read and no model makes."""
        made = {model.relation for model in self.models}
        return sorted({read for model in self.models for read in model.reads} - made)

    @property
    def to_publish(self) -> list[Relation]:
        """What a build continues from, besides landed ticks, which have another form there."""
        built = [m.relation for m in self.models if m.materialized == "incremental"]
        return [*(b for b in self.base if b != _TICKS), *built, *_TOLD] if self.models else []

    @property
    def parts(self) -> list[tuple[Model, ...]]:
        """The models in two parts: the market's, and after them trading's, which read the former.

        A relation that is served has all that it reads in its own part, or before it.
        """
        market: set[Relation] = set()
        for behind, chains in self._behind().values():
            if _LAST_CHAIN not in chains:
                market |= behind
        of_both = (
            tuple(model for model in self.models if (model.relation in market) is is_market)
            for is_market in (True, False)
        )
        return [part for part in of_both if part]

    @property
    def constant(self) -> set[Relation]:
        """Views over seeds and what a build noted: nothing that arrives changes them."""
        return {
            view
            for view, reads in self._reads_of_views().items()
            if all(r in self.base and r.schema not in ("raw", "cold") for r in reads)
            and not reads & {RUN, *_TOLD}
        }

    def small(self, rows: Mapping[Relation, int], most: int) -> set[Relation]:
        """Views that several models read, over at most so many rows, or `small` by their meta.

        `rows`: how many each published table has. What such a view reads of a pass is made before
        it and stays: later models change cold rows, tombstones and vanished rows too. Those of
        ticks are left out, of which the more arrive.
        """
        told = {model.relation for model in self.models if model.meta.get("small")}
        made = {model.relation for model in self.models if model.materialized == "table"}
        known = {**dict.fromkeys(made | told, 0), **rows}
        readers = Counter(read for model in self.models for read in model.reads)
        reads = self._reads_of_views()
        found = set()
        for view, stored in self._reads_of_views(told).items():
            stays = not reads[view] & {_TICKS, *_TOLD} and not any(
                read.schema == "cold" for read in reads[view]
            )
            few = most >= sum(known.get(read, most + 1) for read in stored)
            if stays and readers[view] > 1 and (few or view in told):
                found.add(view)
        return found

    def read_through_views(self, stored: Collection[Relation]) -> dict[Relation, set[Relation]]:
        """Return which of some relations each model reads, directly or through other views."""
        views = {
            model.relation: model
            for model in self.models
            if model.materialized == "view" and model.relation not in stored
        }
        return {
            model.relation: with_what_they_read(model.reads, views) & {*stored}
            for model in self.models
        }

    def _reads_of_views(self, stored: Collection[Relation] = ()) -> dict[Relation, set[Relation]]:
        """Return of each view what is behind it and no view, or `stored` as a table."""
        views = {m.relation: m for m in self.models if m.materialized == "view"}
        inlined = {name: view for name, view in views.items() if name not in stored}
        return {
            name: with_what_they_read(view.reads, inlined) - inlined.keys()
            for name, view in views.items()
        }

    def _behind(self) -> dict[str, tuple[set[Relation], set[str]]]:
        """Return of what is served all that is read for it, and the chains of these models."""
        models = {model.relation: model for model in self.models}
        found = {}
        for name in self.served:
            behind = with_what_they_read([Relation("main", name)], models)
            found[name] = behind, {models[each].chain for each in behind & models.keys()}
        return found

    def without(self, reasons: Mapping[str, str]) -> Self:
        """Return what is left without the models of some chains; `reasons`: why, by chain."""
        held = sorted({model.chain for model in self.models} & reasons.keys())
        if not held:
            return self
        kept = {
            name: behind
            for name, (behind, chains) in self._behind().items()
            if not chains & reasons.keys()
        }
        needed = set().union(*kept.values())
        return replace(
            self,
            models=tuple(model for model in self.models if model.relation in needed),
            served=tuple(kept),
            missing=f"{held[0]} is left out: {reasons[held[0]]}",
        )


def live_models(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> LiveModels:
    """Return the models behind what is SERVED, from a build's manifest and the warehouse.

    A view is what the warehouse has: not every build makes it anew. Not the models of a chain that
    the build made whole: the SELECTs that it ran give more than a region.
    """
    try:
        return _live_models(connection, manifest)
    except IngestError as error:
        return LiveModels(missing=str(error))


def _live_models(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> LiveModels:
    nodes = {
        Relation(node["schema"], node["alias"]): node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    catalog = str(value_of(connection, "select current_database()"))
    texts = view_texts(connection, catalog)
    models: dict[Relation, Model] = {}
    waiting = [Relation("main", name) for name in SERVED]
    while waiting:
        relation = waiting.pop()
        if relation in models or relation not in nodes:
            continue
        model = _model(connection, nodes[relation], catalog, texts.get(relation))
        if model is None:
            return LiveModels(missing=f"the last build did not make {relation.name}")
        models[relation] = model
        waiting += model.reads
    if not any(_TICKS in model.reads for model in models.values()):
        return LiveModels(missing="ticks are read from TimescaleDB's extract")
    # dbt's graph and not what a SELECT reads: a mark moves after the bars that it completes.
    relations = {nodes[relation]["unique_id"]: relation for relation in models}
    graph = {
        node: sorted(nodes[relation]["depends_on"]["nodes"])
        for node, relation in sorted(relations.items())
    }
    order = [node for node in TopologicalSorter(graph).static_order() if node in graph]
    ordered = [models[relations[node]] for node in order]
    whole = {
        model.chain: f"the last build made {model.relation.name} whole, the next one restates it"
        for model in reversed(ordered)
        if _is_whole(model, nodes[model.relation]["raw_code"])
    }
    (database,) = {nodes[relation]["database"] for relation in models}
    return LiveModels(database, tuple(ordered), SERVED, "").without(whole)


def _model(
    connection: duckdb.DuckDBPyConnection,
    node: Mapping[str, Any],
    catalog: str,
    view: str | None,
) -> Model | None:
    """Return a model; None where the build did not make it. `view`: its text in the warehouse."""
    config = node["config"]
    key = config.get("unique_key") or ()
    if config["materialized"] == "view":
        if view is None:
            return None
        portable = portable_view(connection, view, catalog)
        sql, reads = portable.select, frozenset(portable.reads)
    elif node.get("compiled_code"):
        sql = node["meta"].get("restating") or node["compiled_code"]
        reads = reads_of(connection, sql)
    else:
        return None
    return Model(
        relation=Relation(node["schema"], node["alias"]),
        chain=str(config["meta"].get("chain", "")),
        materialized=config["materialized"],
        sql=sql,
        reads=tuple(sorted(reads)),
        key=(key,) if isinstance(key, str) else tuple(key),
        meta=config["meta"],
    )


def _is_whole(model: Model, raw_code: str) -> bool:
    """Return whether the compiled SELECT is the full-refresh form of two.

    The other form reads what is pending, or the model's own rows.
    """
    return "is_incremental()" in raw_code and not {model.pending, model.relation} & set(model.reads)


def write_models(connection: duckdb.DuckDBPyConnection, catalog: str, live: LiveModels) -> None:
    """Write the models into an attached publication."""
    connection.execute(f"create schema if not exists {catalog}.{INTERNAL}")
    connection.execute(f"create table {catalog}.{_MODELS} (told json)")
    connection.execute(f"insert into {catalog}.{_MODELS} values (?)", [json.dumps(asdict(live))])


def read_models(connection: duckdb.DuckDBPyConnection, catalog: str) -> LiveModels:
    """Return the models of an attached publication; none where it carries none that we know."""
    try:
        found = connection.execute(f"select told from {catalog}.{_MODELS}").fetchall()
    except duckdb.CatalogException:
        return LiveModels()
    try:
        return TypeAdapter(LiveModels).validate_json(found[0][0])
    except ValidationError:
        return LiveModels(missing=_OTHERS)
