"""A build in memory: what arrived since a publication, run through the models that it carries.

An engine of its own holds three databases. `published` is the publication. `landed` has schema raw
with what arrived since, landed by landing's own code. The warehouse, under the name by which the
models know it, unites both: what is restated is a difference to the published rows.

>>> build.land(segment, path)
>>> build.begin()
>>> build.first.restate()
>>> build.begin_later()  # more may land from here on
>>> for part in build.later:
...     part.restate()
>>> build.end_later()
"""

from contextlib import suppress
from pathlib import Path

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.landing.batch import Elsewhere, land_segment
from python_ingest.landing.spool import Segment
from python_ingest.publication.live_models import RUN, TOMBSTONES, VANISHED, LiveModels
from python_ingest.publication.stored import LANDED_TICKS
from python_ingest.publication.views import Relation, name_of, portable_view, view_texts
from python_ingest.schema.migrate import migrate
from python_ingest.serving.live_part import BURIED, PUBLISHED, VANISHED_NOW, LivePart, published
from python_ingest.serving.live_rows import CHANGES, changed
from python_ingest.serving.query import SQL
from python_ingest.settings import Settings
from python_ingest.storage.sql import literal, quoted

LANDED = "landed"
# They hold for the whole engine, in which landing and models run at the same time. Landing trusts
# no statistics of a file (landing/prepare.py); a build has the other one (profiles.yml).
_WITHOUT = "statistics_propagation,common_subplan"
# What landing looks up in its own table is copied; of all else the union with what is published
# is read.
_COPIED = ("landings", "cold_files", "tick_confirmations")
# A view over more rows is planned with each statement that reads it, which then reads few of them.
MOST_ROWS = 50_000
_TICKS = Relation("raw", "market_ticks")


class LiveBuild:
    """The models of a publication over its rows and what arrived since.

    `connection`: to an engine with the publication attached as `published`, with the memory limit
    that landing and models share. `first`: the part that runs where segments land. `later`: parts
    that run one after the other on a second connection, beside the next pass of the first, between
    `begin_later` and `end_later`. One thread may use each of the two; `begin_later` needs both to
    itself.
    """

    def __init__(
        self, settings: Settings, connection: duckdb.DuckDBPyConnection, live: LiveModels
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._live = live
        # Each statement plans the views that it reads; where rows are few that takes the longest.
        self._constant = live.constant
        self._small = live.small(self._published_rows(), MOST_ROWS) - self._constant
        self._texts = view_texts(connection, PUBLISHED)
        self._make()
        self._later_connection = connection.cursor()
        self._later_connection.execute(f"use {quoted(live.database)}")
        self.first, *self.later = self._parts()

    def _parts(self) -> list[LivePart]:
        """A view that several parts read is made by the first of them, in each pass."""
        reads = self._live.read_through_views(self._small)
        parts, found = self._live.parts, []
        for number, models in enumerate(parts):
            later = [model for part in parts[number + 1 :] for model in part]
            read_later = {view for model in later for view in reads[model.relation]}
            connection = self._later_connection if number else self._connection
            found.append(LivePart(connection, models, self._small, reads, read_later))
        return found

    def _make(self) -> None:
        run = self._connection.execute
        run(f"set disabled_optimizers = {literal(_WITHOUT)}")
        run(f"attach ':memory:' as {LANDED}")
        run(f"use {LANDED}")
        migrate(self._connection)
        for table in _COPIED:
            run(f"insert into raw.{table} by name from {published(Relation('raw', table))}")
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
                changed(model).make(self._connection, PUBLISHED)
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
        run(f"create table state.run as from {published(RUN)}")
        run(SQL.vanished_rows(published(VANISHED), VANISHED_NOW))
        BURIED.make(self._connection, PUBLISHED)
        for relation in self._live.base:
            name = name_of(relation)
            if relation.schema == "cold" or relation in (RUN, VANISHED, TOMBSTONES):
                continue
            if relation.schema != "raw":
                run(f"create view {name} as from {published(relation)}")
            elif relation.name in _COPIED:
                run(f"create view {name} as from {LANDED}.{name}")
            else:
                known = f"known.{quoted(relation.name)}"
                before = published(LANDED_TICKS if relation == _TICKS else relation)
                run(f"create view {known} as from {before}")
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

    def _make_cold(self, relation: Relation) -> None:
        """Make a view over cold files anew: here warm rows and tombstones are other ones."""
        run = self._connection.execute
        for name in (relation.name + "_in_files", relation.name):
            text = self._texts.get(Relation("cold", name).published())
            if text:
                view = portable_view(self._connection, text, PUBLISHED, Relation.in_warehouse)
                run(f"create view if not exists cold.{quoted(name)} as {view.select}")

    def begin(self) -> None:
        """Begin a pass over what has landed by now: the first part may run."""
        self._connection.execute(f"use {quoted(self._live.database)}")
        self._connection.execute(SQL.run_begins(published(RUN), f"{LANDED}.raw.landings"))
        self.first.forget()

    def begin_later(self) -> None:
        """Let the later parts see what the first one has just seen and made, until `end_later`.

        What lands and is made from here on they do not see.
        """
        self._later_connection.begin()
        try:
            # A database is seen as it was when the transaction first read it.
            self._later_connection.execute(SQL.seen_from_here(f"{LANDED}.raw.landings")).fetchall()
        except duckdb.Error:
            self._later_connection.rollback()
            raise

    def end_later(self) -> None:
        """Take back what the later parts made, whose differences readers have by now."""
        self._later_connection.rollback()

    def interrupt(self) -> None:
        """End the statements that run; none does where the build is closed meanwhile."""
        with suppress(duckdb.ConnectionException):
            self._connection.interrupt()
            self._later_connection.interrupt()

    def close(self) -> None:
        """Close the second connection."""
        self._later_connection.close()
