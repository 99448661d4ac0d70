"""ReaderPool: many readers on the published file, from one process.

with ReaderPool() as pool:
    bars = pool.query("select * from ohlcv_bars where symbol = ?", ["BTCUSDT"])
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import duckdb
import pyarrow as pa

from python_ingest.errors import (
    ConnectionTimeoutError,
    DatabaseError,
    QueryCancelledError,
    QueryTimeoutError,
)
from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.serving.fair_semaphore import FairSemaphore
from python_ingest.serving.opened import LONGEST_KEPT, Connection, Opened, PublishedFile, Source
from python_ingest.serving.query_timeouts import QueryTimeouts, Running, nobody_left
from python_ingest.serving.results import EngineReadable, Question, Rows
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.failures import as_database_error
from python_ingest.telemetry.json_logs import LogSegments
from python_ingest.telemetry.otel import Telemetry
from python_ingest.telemetry.otel_queries import QueryTelemetry
from python_ingest.telemetry.otel_queries import logger as query_log

_SLOTS_A_CORE = 2  # the second query runs while the first one passes its slot on
_DESCRIPTIONS_KEPT = 1000


class Described(NamedTuple):
    """The columns of a query's answer: as Arrow has them, and the names of DuckDB's types."""

    schema: pa.Schema
    types: list[str]


@dataclass(eq=False)
class Reader(EngineReadable):
    """One connection on one publication: all its queries see the same state."""

    _opened: Opened
    _connection: Connection
    _timeouts: QueryTimeouts
    _telemetry: QueryTelemetry
    _timeout_ms: int

    @property
    def note(self) -> Mapping[bytes, bytes]:
        """Metadata of the answers: of `ingest serve`, since when rows are live or why not."""
        return self._opened.note

    def run(self, ask: Question, fetch: Callable[[Connection, Question], Rows]) -> Rows:
        """Run a question within the limits of the pool."""
        with self._telemetry.observe(ask.operation, ask.sql) as outcome:
            rows = self._fetched(ask, fetch)
            outcome.rows = len(rows)
            return rows

    def _fetched(self, ask: Question, fetch: Callable[[Connection, Question], Rows]) -> Rows:
        deadline = time.monotonic() + self._timeout_ms / 1000

        def attempt() -> Rows:
            with self._limited(ask, deadline - time.monotonic()):
                return fetch(self._connection, ask)

        return self._opened.enough(attempt)

    @contextmanager
    def _limited(
        self, ask: Question, timeout: float, gone: Callable[[], bool] = nobody_left
    ) -> Iterator[Running]:
        """Let the engine work in the block for `timeout` seconds, or until the client is gone."""
        running = self._timeouts.begin(self._connection, timeout, gone)
        try:
            yield running
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            # Arrow's reader raises its own error when it is interrupted while fetching.
            if running.interrupted:
                raise QueryTimeoutError(
                    f"query interrupted after {self._timeout_ms} ms (pool.query_timeout_ms):"
                    f" {ask.sql}"
                ) from None
            if running.abandoned:
                raise QueryCancelledError("the client went away while its query ran") from None
            if isinstance(error, duckdb.InterruptException) or str(error).startswith("INTERRUPT "):
                raise DatabaseError("the pool was closed while the query ran") from None
            raise as_database_error(error) from error
        finally:
            self._timeouts.end(running)

    def batches(
        self, ask: Question, rows: int, gone: Callable[[], bool]
    ) -> Generator[pa.RecordBatch, None, None]:
        """Run a question; yield up to `rows` rows at a time, at least one batch, perhaps empty.

        What the consumer does with a batch is not counted as the query's time. When `gone` says
        that it wants no more, the query is interrupted.
        """
        with self._telemetry.observe(ask.operation, ask.sql) as outcome:
            left, note = self._timeout_ms / 1000, self._opened.note

            def first() -> tuple[Running, pa.RecordBatchReader, pa.RecordBatch | None]:
                with self._limited(ask, left, gone) as running:
                    answer = self._connection.relation(ask.sql, ask.params).to_arrow_reader(rows)
                    return running, answer, next(answer, None)

            running, answer, batch = self._opened.enough(first)
            if batch is None:
                batch = pa.RecordBatch.from_pylist([], answer.schema)
            try:
                while batch is not None:
                    outcome.rows += batch.num_rows
                    left -= time.monotonic() - running.started
                    try:
                        yield batch.replace_schema_metadata(note) if note else batch
                    except GeneratorExit:
                        return
                    with self._limited(ask, left, gone) as running:
                        batch = next(answer, None)
            finally:
                answer.close()

    def describe(self, sql: str, parameters: Sequence[str] = ()) -> Described:
        """Return the columns of a query's answer without running it.

        `sql` must be able to stand in brackets. `parameters`: their names, `1`, `2`, ...; they are
        taken for NULL.
        """
        described: dict[str, Described] = self._opened.described
        if sql in described:
            return described[sql]
        found = self._opened.enough(lambda: self._described(sql, parameters))
        if len(sql) <= LONGEST_KEPT:
            if len(described) >= _DESCRIPTIONS_KEPT:
                described.clear()
            described[sql] = found
        return found

    def _described(self, sql: str, parameters: Sequence[str]) -> Described:
        ask = Question(sql, dict.fromkeys(parameters), "describe")
        with self._limited(ask, self._timeout_ms / 1000):
            answer = self._connection.relation(ask.sql, ask.params)
            with answer.limit(0).to_arrow_reader(1) as rows:
                # In brackets a second column of one name would get another name.
                fields = [field.with_name(answer.columns[n]) for n, field in enumerate(rows.schema)]
            return Described(pa.schema(fields), [str(kind) for kind in answer.types])


class ReaderPool(EngineReadable, AbstractContextManager["ReaderPool"]):
    """Up to `[pool] max_readers` readers at once on what is published, thread-safe.

    `with ReaderPool() as pool: pool.query(sql, params)` gives a `pyarrow.Table`. A new publication
    is opened at the next query; a running query stays on the file it began with. One thread a
    query suits many short queries; give `threads` for a few long ones.

    Raises NotPublishedError when nothing has been published.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        threads: int = 1,
        *,
        source: Source | None = None,
        service: str = "reader_pool",
    ) -> None:
        self._settings = settings or load_settings()
        self._closing = threading.Lock()
        self._closed = False
        self._source = source or PublishedFile(self._settings, threads)
        self._connections = FairSemaphore(self._settings.pool.max_readers)
        self._timeouts = QueryTimeouts(FairSemaphore(_SLOTS_A_CORE * (os.cpu_count() or 1)))
        self._telemetry = Telemetry(self._settings, service)
        self._queries = QueryTelemetry(self._settings, self._telemetry, service)
        self._queries.observe_pool(lambda: self.active_readers, lambda: self.available_readers)
        self._logs = LogSegments(telemetry_dir(self._settings))
        query_log.addHandler(self._logs)

    def close(self) -> None:
        """Interrupt the running queries and close the file."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._timeouts.close()
        self._source.close()
        self._telemetry.close()
        query_log.removeHandler(self._logs)
        self._logs.close()

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def active_readers(self) -> int:
        """Connections in use."""
        return self._settings.pool.max_readers - self._connections.free

    @property
    def available_readers(self) -> int:
        """Connections that are free."""
        return self._connections.free

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Yield one reader: every query of the block sees the same publication.

        Raises ConnectionTimeoutError after `connection_timeout_ms` without a free connection.
        """
        limits = self._settings.pool
        if not self._connections.acquire(limits.connection_timeout_ms / 1000):
            raise ConnectionTimeoutError(
                f"all {limits.max_readers} readers are busy since {limits.connection_timeout_ms} ms"
                " (pool.max_readers, pool.connection_timeout_ms)"
            )
        try:
            opened, connection = self._source.take()
            try:
                if self._settings.performance.enable_profiling:
                    connection.profile()
                yield Reader(
                    opened, connection, self._timeouts, self._queries, limits.query_timeout_ms
                )
            finally:
                opened.give_back(connection)
        finally:
            self._connections.release()

    def run(self, ask: Question, fetch: Callable[[Connection, Question], Rows]) -> Rows:
        """Run a question on the next free connection."""
        with self.reader() as reader:
            return reader.run(ask, fetch)

    def batches(
        self, ask: Question, rows: int, gone: Callable[[], bool]
    ) -> Generator[pa.RecordBatch, None, None]:
        """Run a question on the next free connection, as `Reader.batches` does.

        The connection, and the publication that it reads, are held until the last batch or until
        the generator is closed.
        """
        with self.reader() as reader:
            yield from reader.batches(ask, rows, gone)

    def describe(self, sql: str, parameters: Sequence[str] = ()) -> Described:
        """Return the columns of a query's answer, as `Reader.describe` does."""
        with self.reader() as reader:
            return reader.describe(sql, parameters)
