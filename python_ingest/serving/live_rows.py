"""What readers of the hot day see of a live build: published rows, but for what it changed.

The engine that readers query has, beside the published file, the tables of the differences. Its
views have the texts of the published ones; below them lie the published rows without those that
changed, and what they became. A change of all tables is one transaction.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import duckdb
import pyarrow as pa

from python_ingest.publication.live_models import TOMBSTONES, LiveModels, Model
from python_ingest.publication.views import Relation, name_of, needed, portable_view, view_texts
from python_ingest.serving.query import SQL
from python_ingest.storage.sql import literal, quoted
from python_ingest.storage.writer import transaction

# The schema of the tables that hold differences.
CHANGES = "changes"
# Those with the valuation at the newest moment (queries/live.sql), and whose accounts they have.
_VALUED = {"portfolio_snapshots": "account_id = 'all'", "account_snapshots": "account_id <> 'all'"}


class Difference(NamedTuple):
    """How a table differs from what is published: new rows, and the keys of those that are gone.

    A table that is replaced as a whole has one row in `removed`, and no key.
    """

    added: pa.Table
    removed: pa.Table


class Changed(NamedTuple):
    """The tables in which an engine keeps the difference of a relation to its published rows.

    `rows`: the condition (SQL) of those that are meant, of which others are not shown or emptied.
    """

    relation: Relation
    key: tuple[str, ...]
    rows: str = "true"

    @property
    def added(self) -> str:
        """Rows that are new or different."""
        return f"{CHANGES}.{quoted('__'.join(self.relation) + '__added')}"

    @property
    def removed(self) -> str:
        """Keys of rows that are different or gone."""
        return f"{CHANGES}.{quoted('__'.join(self.relation) + '__removed')}"

    def make(self, connection: duckdb.DuckDBPyConnection, published: str) -> None:
        """Make the tables, empty, and the relation as a view that heeds them.

        `published`: the catalog with the published rows.
        """
        connection.execute(
            SQL.changed(
                relation=name_of(self.relation),
                published=f"{published}.{name_of(self.relation.published())}",
                added=self.added,
                removed=self.removed,
                key=", ".join(map(quoted, self.key)) or "true as all_rows",
                same=agree("published", "removed", self.key),
            )
        )

    def empty(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Have no difference in the rows that are meant."""
        for table in (self.added, self.removed):
            connection.execute(f"delete from {table} where {self.rows}")


def agree(one: str, other: str, columns: tuple[str, ...]) -> str:
    """Return the condition that two rows agree in columns that are never NULL."""
    return " and ".join(f"{one}.{quoted(c)} = {other}.{quoted(c)}" for c in columns) or "true"


def changed(model: Model) -> Changed:
    """Return where the difference of a model is kept; a table has no key, it is replaced."""
    return Changed(model.relation, model.key if model.materialized == "incremental" else ())


class LiveRows:
    """The views of a served engine over a publication and differences to it. Not thread-safe.

    `engine`: with the publication attached as `catalog`; its own database is `memory`.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, catalog: str, live: LiveModels) -> None:
        self._connection = engine.cursor()
        self._connection.execute("use memory")
        self._connection.execute(f"create schema {CHANGES}")
        kept = {model.relation: changed(model) for model in live.models}
        kept[TOMBSTONES] = Changed(TOMBSTONES, ("relation", "id"))
        views = {m.relation for m in live.models if m.materialized == "view"}
        texts = view_texts(engine, catalog)
        self.kept: list[Changed] = []
        for published, view in needed(engine, catalog, only=live.served):
            relation = published.in_warehouse()
            self._connection.execute(f"create schema if not exists {quoted(relation.schema)}")
            if view is not None or relation in views:
                text = portable_view(
                    engine, texts[published] or "", catalog, Relation.in_warehouse, into="memory"
                ).select
                if relation.schema == "main" and relation.name in _VALUED:
                    text = SQL.and_newest(text, _VALUED[relation.name])
                self._connection.execute(f"create view {name_of(relation)} as {text}")
            elif relation in kept:
                kept[relation].make(self._connection, quoted(catalog))
                self.kept.append(kept[relation])
            else:
                source = f"{quoted(catalog)}.{name_of(published)}"
                self._connection.execute(f"create view {name_of(relation)} as from {source}")

    def kept_of(self, part: Sequence[Model]) -> list[Changed]:
        """Return the tables of differences that models fill; of tombstones, their own ones."""
        made = {model.relation for model in part}
        cold = [literal(m.meta["cold"]["relation"]) for m in part if m.meta.get("cold")]
        return [each for each in self.kept if each.relation in made] + [
            each._replace(rows=f"relation in ({', '.join(cold)})")
            for each in self.kept
            if each.relation == TOMBSTONES and cold
        ]

    def show(self, differences: Mapping[Changed, Difference]) -> None:
        """Replace what readers see of these relations; a query sees all of it or nothing."""
        with transaction(self._connection):
            for each, difference in differences.items():
                each.empty(self._connection)
                self._fill(each.added, difference.added)
                self._fill(each.removed, difference.removed)

    def show_published(self) -> None:
        """Let readers see what is published."""
        with transaction(self._connection):
            for each in self.kept:
                each.empty(self._connection)

    def _fill(self, table: str, rows: pa.Table) -> None:
        if rows.num_rows:
            self._connection.register("arrived", rows)
            self._connection.execute(f"insert into {table} by name from arrived")
            self._connection.unregister("arrived")
