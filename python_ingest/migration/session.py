"""A session that reads TimescaleDB through ADBC: whole columns arrive as Arrow, no row in Python.

    with session() as server, server.snapshot():
        first = server.rows("select min(timestamp)::text from market_ticks")
        with server.stream("select * from market_ticks") as batches: ...

The driver's own layer, not its DB-API: that one takes the Ctrl-C key for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import adbc_driver_postgresql
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcStatement, Error

from python_ingest.migration.server import (
    DSN_VARIABLE,
    SETTINGS,
    TimescaleError,
    conninfo,
    what_failed,
)

# Bytes of a batch, about: what is sent is parsed while the server makes the next.
_BATCH = 1 << 20


class Session:
    """Reads; each statement is a transaction of its own unless `snapshot` holds several."""

    def __init__(self, connection: AdbcConnection) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement. Ask for times as text: the driver bends some silently."""
        with self.stream(sql) as reader:
            batches = [[column.to_pylist() for column in batch.columns] for batch in reader]
            return [row for columns in batches for row in zip(*columns, strict=True)]

    @contextmanager
    def stream(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """Yield a statement's columns as they come; a server's error is a TimescaleError."""
        with AdbcStatement(self._connection) as statement:
            try:
                statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH)})
                statement.set_sql_query(sql)
                arriving = pa.RecordBatchReader.from_stream(statement.execute_query()[0])
            except Error as error:
                raise TimescaleError(f"TimescaleDB: {what_failed(error)}") from None
            with arriving:
                yield pa.RecordBatchReader.from_batches(arriving.schema, _batches(arriving))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read within sees the same rows."""
        self.rows("begin isolation level repeatable read read only")
        try:
            yield
        except BaseException:
            with suppress(TimescaleError):  # the connection may be gone
                self.rows("rollback")
            raise
        self.rows("commit")


def _batches(arriving: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from arriving
    except (pa.ArrowException, OSError) as error:
        raise TimescaleError(f"TimescaleDB: {what_failed(error)}") from None


@contextmanager
def session() -> Iterator[Session]:
    """Yield a session in UTC. Raises TimescaleError, whose text never holds the DSN."""
    dsn = conninfo()
    try:
        database = adbc_driver_postgresql.connect(dsn)
        connection = AdbcConnection(database)
    except Error as error:
        raise TimescaleError(f"TimescaleDB ({DSN_VARIABLE}): {what_failed(error)}") from None
    with database, connection:
        opened = Session(connection)
        for setting in SETTINGS:
            opened.rows(setting)
        yield opened


def instant(text: str, whose: str) -> datetime:
    """Return a time, naive, that the server wrote as text in UTC.

    Raises TimescaleError for one that is infinite or not within the years 1 to 9999.
    """
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise TimescaleError(
            f"{whose} has the time {text}, and ranges are of the years 1 to 9999: mend it there, or"
            " extract a view without it"
        ) from None
