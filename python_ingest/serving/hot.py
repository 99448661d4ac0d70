"""The hot day: an engine with the newest ticks in memory and the published file attached.

`market_ticks` is a union. Memory holds the ticks of the last hours and all unpublished ticks; the
file and its cold files hold the published ticks before that. A constant time divides the published
ticks, and an arriving tick is added only if neither side has it, so no tick shows twice.
"""

from datetime import datetime

import duckdb
import pyarrow as pa

from python_ingest.errors import NotPublishedError
from python_ingest.feeds.kinds import TICKS
from python_ingest.landing.deduplicate import count, known_ticks
from python_ingest.publication.attached import attached
from python_ingest.publication.status import STATUS
from python_ingest.serving.opened import Opened
from python_ingest.serving.query import SQL
from python_ingest.serving.spool_reader import Content
from python_ingest.settings import Settings
from python_ingest.storage.failures import as_database_error
from python_ingest.storage.sql import columns_of, literal, quoted, value_of
from python_ingest.storage.writer import transaction


def _cold_folders(settings: Settings) -> str:
    """Return the folders of cold files, all that queries may open, as SQL."""
    cold = [str(settings.data_dir / "cold"), str(settings.data_dir.resolve() / "cold")]
    if settings.retention.cold_store:
        cold.append(f"{settings.retention.cold_store}/cold")
    return ", ".join(map(literal, cold))


class HotDay(Opened):
    """One publication and what arrived since. One thread calls `add`, any thread may query.

    `contents`: (kind, sha256) of every file that the publication holds. Memory: the ticks of
    `since` and later, some 300 bytes each.
    """

    def __init__(self, settings: Settings, since: datetime) -> None:
        engine = attached(settings, 1, settings.performance.memory_limit_mb)
        catalog = quoted(settings.published_path.stem)
        search_path = f"memory.main,{catalog}.main"
        super().__init__(engine, search_path)
        published = f"{catalog}.main.market_ticks"
        try:
            self.contents = self._landed(catalog)
            self._columns = columns_of(engine, published)
            if not {"nanoseconds", "place"} <= self._columns.keys():
                raise duckdb.CatalogException("an earlier version published it")
            engine.execute(SQL.hot_day(published, literal(since.isoformat(sep=" "))))
            engine.execute(SQL.restricted(_cold_folders(settings)))
            self._feeder = engine.cursor()
            self._feeder.execute(f"set search_path = {literal(search_path)}")
        except duckdb.CatalogException as error:
            engine.close()
            raise NotPublishedError(
                f"{settings.published_path} lacks what is served: run `ingest cycle`"
                f" ({str(error).splitlines()[0]})"
            ) from None
        except duckdb.Error as error:
            engine.close()
            raise as_database_error(error) from error

    def _landed(self, catalog: str) -> set[Content]:
        found = self.engine.execute(
            f"select kind, sha256 from {catalog}.main.landings where landed_at <= ("
            f"select published_at from {catalog}.main.{STATUS} where relation = 'market_ticks')"
        ).fetchall()
        return {(str(kind), str(sha256)) for kind, sha256 in found}

    def add(self, rows: pa.Table) -> int:
        """Add ticks that neither memory nor the publication has; return how many.

        `rows`: as `SpoolReader.rows` returns them. Unpublished ticks have no `tick_id` and no
        `batch_id`. A query sees all of the added ticks or none.
        """
        connection = self._feeder
        connection.register("arrived", rows)
        try:
            with transaction(connection):
                connection.execute(SQL.hot_batch())
                self._drop_known(connection)
                insert = f"insert into hot.ticks by name select {self._values()} from batch"
                return int(value_of(connection, insert))
        finally:
            connection.unregister("arrived")

    def _values(self) -> str:
        given = {name: quoted(name) for name in (*TICKS.read_names, "place")}
        given["ingestion_time"] = "now()::timestamp"
        given["is_busted"] = "false"
        given["date"] = "timestamp::date"
        return ", ".join(f"{given[n]} as {quoted(n)}" for n in self._columns if n in given)

    def _drop_known(self, connection: duckdb.DuckDBPyConnection) -> None:
        counted = count(connection, TICKS)
        if not counted.accepted:
            return
        connection.execute("create or replace temp table known (row_number bigint)")
        by_key = known_ticks("market_ticks", counted)
        if counted.by_content:
            by_key.pop()  # it matches too much: here content and occurrence decide
            before = SQL.numbered_before()
            connection.execute(before, counted.values(before))
        for look_up in by_key:
            connection.execute(
                f"insert into known select row_number from batch as b semi join {look_up}",
                counted.values(look_up),
            )
        connection.execute("delete from batch where row_number in (select row_number from known)")
