"""Engines that are open: they hand out connections and close when the last reader is done."""

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import duckdb
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from python_ingest.errors import DatabaseError, OutOfMemoryError, QueryError
from python_ingest.publication.attached import attached, identity_of
from python_ingest.serving.bound_values import require_decimals
from python_ingest.serving.results import Parameters
from python_ingest.settings import Settings
from python_ingest.storage.sql import literal, quoted

Result = TypeVar("Result")

# A parsed text takes twenty times its length, and each connection keeps its own.
_STATEMENTS_KEPT = 100
LONGEST_KEPT = 20_000  # characters of a query that anything is remembered of
# The statement that raises the limit needs 2 KB itself, which other queries may hold for a moment.
_A_MOMENT = Retrying(
    retry=retry_if_exception_type(duckdb.OutOfMemoryException),
    wait=wait_fixed(0.01),
    stop=stop_after_delay(10),
    reraise=True,
)
_NO_ROWS = "select 1 where false"  # of a statement that gives none


class Connection:
    """A connection that keeps prepared statements: parsing is a third of a look-up by id."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, search_path: str) -> None:
        self._cursor = engine.cursor()
        self._cursor.execute(f"set search_path = {literal(search_path)}")
        self._statements: dict[str, duckdb.Statement] = {}

    def execute(self, sql: str, params: Parameters) -> duckdb.DuckDBPyConnection:
        """Run one statement, or several where no parameters are given; it gives Python rows."""
        require_decimals(params)
        return self._cursor.execute(self._parsed(sql), params)

    def relation(self, sql: str, params: Parameters) -> duckdb.DuckDBPyRelation:
        """Return what gives the rows of the same as Arrow; it runs when they are asked for."""
        require_decimals(params)
        found = self._cursor.sql(self._parsed(sql), params=params)
        return self._cursor.sql(_NO_ROWS) if found is None else found

    def _parsed(self, sql: str) -> duckdb.Statement | str:
        statement = self._statements.get(sql)
        if statement is None:
            statements = self._cursor.extract_statements(sql)
            if len(statements) != 1:
                return sql
            (statement,) = statements
            if len(sql) <= LONGEST_KEPT:
                if len(self._statements) >= _STATEMENTS_KEPT:
                    self._statements.clear()
                self._statements[sql] = statement
        return statement

    def profile(self) -> None:
        """Have the engine print the plan of each query from now on, and how long each step took."""
        self._cursor.enable_profiling()  # of an engine whose settings are locked too

    def interrupt(self) -> None:
        """Interrupt the running query."""
        self._cursor.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._cursor.close()


class Opened:
    """An engine and its idle connections; a retired one closes with its last connection.

    `memory_mb`: its limit, which `enough` doubles up to `most_mb`. `described`: what is known of
    the answers to queries, which is the same until the next publication. `note`: metadata of every
    answer that is sent.
    """

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        search_path: str,
        memory_mb: int = 0,
        most_mb: int = 0,
    ) -> None:
        self.engine = engine
        self.memory_mb = memory_mb
        self.described: dict[str, Any] = {}
        self.note: dict[bytes, bytes] = {}
        self._most_mb = most_mb
        self._search_path = search_path
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._in_use = 0
        self._retired = False

    def take(self) -> Connection:
        """Return a connection for exclusive use."""
        with self._lock:
            if self._retired:
                raise DatabaseError("the pool is closed")
            self._in_use += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self.enough(lambda: Connection(self.engine, self._search_path))
        except BaseException:
            with self._lock:
                self._in_use -= 1
                self._close_if_done()
            raise

    def give_back(self, connection: Connection) -> None:
        """Take a connection back."""
        with self._lock:
            self._in_use -= 1
            self._idle.append(connection)
            self._close_if_done()

    def enough(self, work: Callable[[], Result]) -> Result:
        """Return what `work` does; where the engine's memory was too little, again with twice that.

        Raises QueryError where even the whole limit is too little.
        """
        while True:
            seen_mb = self.memory_mb
            try:
                return work()
            except (OutOfMemoryError, duckdb.OutOfMemoryException) as error:
                if not self._grow(seen_mb):
                    raise QueryError(f"{error} (performance.memory_limit_mb)") from error

    def _grow(self, seen_mb: int) -> bool:
        """Raise the memory limit at which work failed; False at the maximum."""
        with self._lock:
            if self.memory_mb == seen_mb:  # else other work has raised it
                more_mb = min(2 * seen_mb, self._most_mb)
                if more_mb > seen_mb:
                    _A_MOMENT(self._limit, more_mb)
                self.memory_mb = more_mb
            return self.memory_mb > seen_mb

    def _limit(self, memory_mb: int) -> None:
        with self.engine.cursor() as cursor:
            cursor.execute(f"set global memory_limit = '{memory_mb}MB'")

    def retire(self) -> None:
        """Close as soon as the last connection is returned."""
        with self._lock:
            self._retired = True
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and not self._in_use:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            self.engine.close()


class Source(Protocol):
    """Where a pool gets its connections from."""

    def take(self) -> tuple[Opened, Connection]:
        """Return a connection to the newest state and the engine to return it to."""

    def close(self) -> None:
        """Close everything as soon as the last connection is returned."""


class PublishedFile:
    """The published file; `take` opens a new publication when there is one."""

    def __init__(self, settings: Settings, threads: int) -> None:
        self._settings = settings
        self._threads = threads
        self._lock = threading.Lock()
        self._identity = identity_of(settings.published_path)
        self._opened = self._open()

    def _open(self) -> Opened:
        settings = self._settings
        most_mb = settings.performance.memory_limit_mb
        memory_mb = min(settings.pool.reader_memory_mb, most_mb)
        engine = attached(settings, self._threads, memory_mb)
        return Opened(engine, quoted(settings.published_path.stem), memory_mb, most_mb)

    def take(self) -> tuple[Opened, Connection]:
        """Return a connection to what is published now."""
        identity = identity_of(self._settings.published_path)
        with self._lock:
            if self._identity != identity:
                former = self._opened
                self._opened = self._open()
                self._identity = identity
                former.retire()
            return self._opened, self._opened.take()

    def close(self) -> None:
        """Close the file as soon as the last connection is returned."""
        self._opened.retire()
