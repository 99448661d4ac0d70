"""A build in memory: what arrived since a publication, run through the models that it carries.

An engine of its own holds three databases. `published` is the publication. `landed` has schema raw
with what arrived since, landed by landing's own code. The warehouse, under the name by which the
models know it, unites both: what is restated is a difference to the published rows.

>>> build.land(segment, path)
>>> build.begin()
>>> for part in build.parts:
...     build.restate(part)
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.errors import IngestError
from python_ingest.feeds.kinds import Kind
from python_ingest.landing.batch import Elsewhere, land_segment
from python_ingest.landing.spool import Segment
from python_ingest.publication.live_models import RUN, TOMBSTONES, VANISHED, LiveModels, Model
from python_ingest.publication.stored import LANDED_TICKS
from python_ingest.publication.views import Relation, name_of, portable_view, view_texts
from python_ingest.schema.migrate import migrate
from python_ingest.serving.live_rows import CHANGES, Changed, Difference, agree, changed
from python_ingest.serving.query import SQL
from python_ingest.settings import Settings
from python_ingest.storage.sql import columns_of, literal, quoted

PUBLISHED, LANDED = "published", "landed"
# What landing looks up in its own table is copied; of all else the union with what is published
# is read.
_COPIED = ("landings", "cold_files", "tick_confirmations")
# A view over more rows is planned with each statement that reads it, which then reads few of them.
MOST_ROWS = 50_000
_TICKS = Relation("raw", "market_ticks")
_VANISHED = f"{CHANGES}.vanished_rows"
_BURIED = Changed(TOMBSTONES, ("relation", "id"))


def _published(relation: Relation) -> str:
    """Return how a relation of the warehouse is called in the publication."""
    return f"{PUBLISHED}.{name_of(relation.published())}"


class LiveBuild:
    """The models of a publication over its rows and what arrived since. Not thread-safe.

    `connection`: to an engine with the publication attached as `published`.
    """

    def __init__(
        self, settings: Settings, connection: duckdb.DuckDBPyConnection, live: LiveModels
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._live = live
        self.parts = live.parts
        # Each statement plans the views that it reads; where rows are few that takes the longest.
        self._constant = live.constant
        self._small = live.small(self._published_rows(), MOST_ROWS) - self._constant
        self._read_small = live.read_through_views(self._small)
        self._views = {m.relation: m for m in live.models if m.relation in self._small}
        self._made: set[Relation] = set()
        self._statements: dict[str, duckdb.Statement] = {}
        self._columns: dict[Relation, list[str]] = {}
        self._texts = view_texts(connection, PUBLISHED)
        self._begin()

    def _begin(self) -> None:
        run = self._connection.execute
        run(f"attach ':memory:' as {LANDED}")
        run(f"use {LANDED}")
        migrate(self._connection)
        for table in _COPIED:
            run(f"insert into raw.{table} by name from {_published(Relation('raw', table))}")
        run(f"attach ':memory:' as {quoted(self._live.database)}")
        run(f"use {quoted(self._live.database)}")
        relations = [*self._live.base, *(model.relation for model in self._live.models)]
        for schema in sorted(
            {relation.schema for relation in relations} | {CHANGES, "known", "warm"}
        ):
            run(f"create schema if not exists {quoted(schema)}")
        self._make_base()
        # Cold views read the tables that a build restates, whose rows win.
        for model in self._live.models:
            if model.materialized == "incremental":
                self._make_restated(model)
        for relation in self._live.base:
            if relation.schema == "cold":
                self._make_cold(relation)
        for model in self._live.models:
            name = name_of(model.relation)
            if model.relation in self._constant:
                run(f"create table {name} as {model.sql}")
            elif model.materialized == "table" or model.relation in self._small:
                run(f"create table {name} as select * from ({model.sql}\n) limit 0")
            elif model.materialized == "view":
                run(f"create view {name} as {model.sql}")

    def _published_rows(self) -> dict[Relation, int]:
        found = self._connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables()"
            f" where database_name = {literal(PUBLISHED)}"
        ).fetchall()
        return {Relation(schema, name).in_warehouse(): rows for schema, name, rows in found}

    def _make_base(self) -> None:
        run = self._connection.execute
        run(f"create table state.run as from {_published(RUN)}")
        run(SQL.vanished_rows(_published(VANISHED), _VANISHED))
        _BURIED.make(self._connection, PUBLISHED)
        for relation in self._live.base:
            name = name_of(relation)
            if relation.schema == "cold" or relation in (RUN, VANISHED, TOMBSTONES):
                continue
            if relation.schema != "raw":
                run(f"create view {name} as from {_published(relation)}")
            elif relation.name in _COPIED:
                run(f"create view {name} as from {LANDED}.{name}")
            else:
                known = f"known.{quoted(relation.name)}"
                published = LANDED_TICKS if relation == _TICKS else relation
                run(f"create view {known} as from {_published(published)}")
                run(f"create view {name} as from {known} union all by name from {LANDED}.{name}")

    def reads(self, kind: Kind) -> bool:
        """Whether anything that is served live depends on what lands of a kind."""
        return Relation(*kind.table.split(".")) in self._live.base

    def land(self, segment: Segment, path: Path) -> int:
        """Land a segment that lies at `path`; return how many of its rows are new.

        Raises FileRejectedError when it is not what was written, duckdb.Error when it is gone.
        """
        self._connection.execute(f"use {LANDED}")
        known = f"{quoted(self._live.database)}.known"
        return land_segment(
            self._connection, self._settings, segment, elsewhere=Elsewhere(path, known)
        ).landed

    def _make_restated(self, model: Model) -> None:
        tables = changed(model)
        tables.make(self._connection, PUBLISHED)
        names = columns_of(self._connection, tables.added)
        self._columns[model.relation] = [name for name in names if not name.startswith("built_")]

    def _make_cold(self, relation: Relation) -> None:
        """Make a view over cold files anew: here warm rows and tombstones are other ones."""
        run = self._connection.execute
        for name in (relation.name + "_in_files", relation.name):
            text = self._texts.get(Relation("cold", name).published())
            if text:
                view = portable_view(self._connection, text, PUBLISHED, Relation.in_warehouse)
                run(f"create view if not exists cold.{quoted(name)} as {view.select}")

    def begin(self) -> None:
        """Begin a pass over what has landed by now; `restate` runs each part of it, in order."""
        run = self._connection.execute
        self._made.clear()
        run(f"use {quoted(self._live.database)}")
        # As in a build (profiles.yml); landing has other limits.
        run("set disabled_optimizers = 'common_subplan'; reset preserve_insertion_order")
        run(f"set memory_limit = '{self._settings.performance.memory_limit_mb}MB'")
        run(SQL.run_begins(_published(RUN), f"{LANDED}.raw.landings"))

    def forget(self) -> None:
        """Begin at the publication as it is."""
        for part in self.parts:
            self._forget(part)

    def restate(self, part: Sequence[Model]) -> None:
        """Run models, each after those of the same pass that it reads.

        Raises duckdb.Error, IngestError.
        """
        self._forget(part)
        pending: dict[Relation | None, bool] = {None: True}
        for model in part:
            if model.materialized == "table":
                self._make(model)
            elif model.materialized == "incremental":
                if model.pending and model.pending not in pending:
                    exists = f"select exists (from {name_of(model.pending)})"
                    pending[model.pending] = bool(self._count(exists))
                if pending[model.pending]:
                    self._make_views_of(model)
                    self._restate(model)

    def _make(self, model: Model) -> None:
        self._make_views_of(model)
        self._run(f"create or replace table {name_of(model.relation)} as {model.sql}")

    def _make_views_of(self, model: Model) -> None:
        """Make the small views that a model reads, once a pass."""
        for view in sorted(self._read_small[model.relation] - self._made):
            self._make(self._views[view])
            self._made.add(view)

    def _forget(self, part: Sequence[Model]) -> None:
        """Take out what the pass before made of these models."""
        run = self._connection.execute
        for model in part:
            if model.materialized == "incremental":
                changed(model).empty(self._connection)
            if model.meta.get("followed"):
                name = literal(model.relation.name)
                run(f"delete from {_VANISHED} where relation = {name}")
            if cold := model.meta.get("cold"):
                run(f"delete from {_BURIED.added} where relation = {literal(cold['relation'])}")

    def differences(self, wanted: Iterable[Changed]) -> dict[Relation, Difference]:
        """Return how tables differ from what is published, since `restate`."""
        run = self._connection.sql
        found = {}
        for each in wanted:
            if each.key:
                added, removed = run(f"from {each.added}"), run(f"from {each.removed}")
            else:
                added, removed = (
                    run(f"from {name_of(each.relation)}"),
                    run("select true as all_rows"),
                )
            found[each.relation] = Difference(added.to_arrow_table(), removed.to_arrow_table())
        return found

    def _restate(self, model: Model) -> None:
        """Fill the tables of a model's difference, as macros/engine/restate.sql finds it."""
        run = self._run
        region = model.meta.get("region")
        rows = self._count(f"create or replace temp table restated as {model.sql}")
        existing = f"select * from {_published(model.relation)} as row"
        if model.pending:
            inside = _in_region("row", region or {})
            pending = f"{name_of(model.pending)} as pending"
            if rows:
                self._require_inside(model, f"restated as row anti join {pending} on {inside}")
            existing += f" semi join {pending} on {inside}"
        elif region != "everything":
            existing += f" semi join restated on {agree('row', 'restated', model.key)}"
        columns = self._columns[model.relation]
        key = ", ".join(map(quoted, model.key))
        differing = self._find_differing(model, existing, columns)
        if differing:
            tables = changed(model)
            run(f"insert into {tables.removed} select {key} from differing where was_there")
            run(SQL.add_restated(tables.added, agree("restated", "differing", model.key)))
        if differing and model.meta.get("followed"):
            name = literal(model.relation.name)
            run(SQL.add_vanished(_VANISHED, name, quoted(model.meta["time"])))
        if model.meta.get("cold"):
            self._bury(model)

    def _count(self, sql: str) -> int:
        """Run a statement that gives a number, as making a table gives that of its rows."""
        return int(self._run(sql).fetchall()[0][0])

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement of each pass, which is parsed once."""
        if sql not in self._statements:
            (self._statements[sql],) = self._connection.extract_statements(sql)
        return self._connection.execute(self._statements[sql])

    def _find_differing(self, model: Model, existing: str, columns: Sequence[str]) -> int:
        first, time = quoted(model.key[0]), model.meta.get("time")
        kept = [*model.key, *([time] if time and time not in model.key else [])]
        both = ", ".join(f"coalesce(e.{c}, n.{c}) as {c}" for c in map(quoted, kept))
        e, n = (", ".join(f"{side}.{quoted(c)}" for c in columns) for side in "en")
        same = agree("e", "n", model.key)
        return self._count(SQL.differing(both, first, existing, e, n, same))

    def _bury(self, model: Model) -> None:
        """Leave a tombstone for each cold row of the region that is not there any more."""
        cold, time = model.meta["cold"], quoted(model.meta["time"])
        region = model.meta["region"]
        pending = name_of(model.pending) if model.pending else "restated"
        on = _in_region("cold", region) if model.pending else agree("cold", "pending", model.key)
        days = f"cold.date in (select {time}::date from {pending})"
        if region.get("from"):
            days = f"cold.date >= (select min(restart_at)::date from {pending})"
        self._run(
            SQL.bury(
                added=_BURIED.added,
                relation=literal(cold["relation"]),
                id=quoted(cold["id"]),
                cold=_published(Relation("cold", cold["relation"])),
                pending=pending,
                inside=on,
                same=agree("cold", "restated", model.key),
                days=days,
            )
        )

    def _require_inside(self, model: Model, outside: str) -> None:
        if found := self._count(f"select count(*) from {outside}"):
            raise IngestError(
                f"{model.relation.name}: {found} rows lie outside the region that"
                f" {model.pending and model.pending.name} names"
            )


def _in_region(row: str, region: Mapping[str, Any]) -> str:
    """Return the condition that a row lies in the region that `pending` names."""
    by: Mapping[str, str] | Sequence[str] = region.get("by") or ()
    named = by if isinstance(by, Mapping) else {column: column for column in by}
    parts = [f"{row}.{quoted(c)} = pending.{quoted(p)}" for c, p in named.items()]
    if region.get("from"):
        parts.append(f"{row}.{quoted(region['from'])} >= pending.restart_at")
    return " and ".join(parts) or "true"
