"""The models of a live build that run one after the other, on a connection of their own.

>>> part.restate()
>>> part.differences(wanted)
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import duckdb

from python_ingest.errors import IngestError
from python_ingest.publication.live_models import TOMBSTONES, Model
from python_ingest.publication.views import Relation, name_of
from python_ingest.serving.live_rows import CHANGES, Changed, Difference, agree, changed
from python_ingest.serving.query import SQL
from python_ingest.storage.sql import columns_of, literal, quoted

PUBLISHED = "published"
VANISHED_NOW = f"{CHANGES}.vanished_rows"
BURIED = Changed(TOMBSTONES, ("relation", "id"))


def published(relation: Relation) -> str:
    """Return how a relation of the warehouse is called in the publication."""
    return f"{PUBLISHED}.{name_of(relation.published())}"


class LivePart:
    """Models of a live build, in order. Not thread-safe; nor are parts of one connection.

    `small`: views that are made tables. `read_small`: which of them each model reads. `read_later`:
    those of this part that later parts read, which are made in each pass.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        models: Sequence[Model],
        small: Collection[Relation],
        read_small: Mapping[Relation, Collection[Relation]],
        read_later: Collection[Relation],
    ) -> None:
        self.models = models
        self._connection = connection
        self._views = {m.relation: m for m in models if m.relation in small}
        self._read_small = read_small
        self._read_later = read_later
        self._made: set[Relation] = set()
        self._statements: dict[str, duckdb.Statement] = {}
        self._columns = {
            model.relation: [
                name
                for name in columns_of(connection, changed(model).added)
                if not name.startswith("built_")
            ]
            for model in models
            if model.materialized == "incremental"
        }

    def restate(self) -> None:
        """Run the models, each after those of the same pass that it reads.

        Raises duckdb.Error, IngestError.
        """
        self._made.clear()
        pending: dict[Relation | None, bool] = {None: True}
        for model in self.models:
            if model.materialized == "table":
                self._make(model)
            elif model.materialized == "incremental":
                if model.pending and model.pending not in pending:
                    exists = f"select exists (from {name_of(model.pending)})"
                    pending[model.pending] = bool(self._count(exists))
                if pending[model.pending]:
                    self._make_views_of(model)
                    self._restate(model)
        self._make_views(self._read_later)

    def _make(self, model: Model) -> None:
        self._make_views_of(model)
        self._run(f"create or replace table {name_of(model.relation)} as {model.sql}")

    def _make_views_of(self, model: Model) -> None:
        self._make_views(self._read_small[model.relation])

    def _make_views(self, views: Collection[Relation]) -> None:
        """Make small views of this part, once a pass; those of former parts are there."""
        for view in sorted((views & self._views.keys()) - self._made):
            self._make(self._views[view])
            self._made.add(view)

    def forget(self) -> None:
        """Take out what the models made before."""
        run = self._connection.execute
        for model in self.models:
            if model.materialized == "incremental":
                changed(model).empty(self._connection)
            if model.meta.get("followed"):
                name = literal(model.relation.name)
                run(f"delete from {VANISHED_NOW} where relation = {name}")
            if cold := model.meta.get("cold"):
                run(f"delete from {BURIED.added} where relation = {literal(cold['relation'])}")

    def differences(self, wanted: Iterable[Changed]) -> dict[Changed, Difference]:
        """Return how tables differ from what is published, since `restate`."""
        run = self._connection.sql
        found = {}
        for each in wanted:
            if each.key:
                added, removed = (
                    run(f"from {table} where {each.rows}") for table in (each.added, each.removed)
                )
            else:
                added, removed = (
                    run(f"from {name_of(each.relation)}"),
                    run("select true as all_rows"),
                )
            found[each] = Difference(added.to_arrow_table(), removed.to_arrow_table())
        return found

    def _restate(self, model: Model) -> None:
        """Fill the tables of a model's difference, as macros/engine/restate.sql finds it."""
        run = self._run
        region = model.meta.get("region")
        rows = self._count(f"create or replace temp table restated as {model.sql}")
        existing = f"select * from {published(model.relation)} as row"
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
            run(SQL.add_vanished(VANISHED_NOW, name, quoted(model.meta["time"])))
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
                added=BURIED.added,
                relation=literal(cold["relation"]),
                id=quoted(cold["id"]),
                cold=published(Relation("cold", cold["relation"])),
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
