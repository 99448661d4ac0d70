"""DuckDB for whoever lands one thing after the other: to start it takes as long as a small landing.

with Engine(settings) as engine, engine.session() as connection:
    connection.execute("create temp table t as ...")  # gone afterwards
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from python_ingest.landing.prepare import begin_session, working_connection
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer


class Engine:
    """An engine without a database, with landing's limits; one thread uses it.

    The warehouse is in it only while something lands: others may write in between. An error may
    have broken it, so another one is started after each.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection without a database; its temporary tables go with it."""
        with self._kept() as running, running.cursor() as connection:
            begin_session(connection)
            yield connection

    @contextmanager
    def writer(self, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the database file for writing; waits and raises as `open_writer`."""
        with self._kept() as running, open_writer(settings, engine=running) as connection:
            begin_session(connection)
            yield connection

    def close(self) -> None:
        """Let go of its memory; the next use starts another one."""
        if self._running:
            self._running.close()
            self._running = None

    @contextmanager
    def _kept(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self._running:
            self._running = working_connection(self._settings)
        try:
            yield self._running
        except BaseException:
            self.close()
            raise
