"""The connection to TimescaleDB: the string comes from TIMESCALE_DSN and is never shown."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import adbc_driver_postgresql
import psycopg
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcStatement, Error
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from python_ingest.errors import ConfigError, IngestError

DSN_VARIABLE = "TIMESCALE_DSN"
SETTINGS = ("set timezone = 'UTC'", "set datestyle = 'ISO'", "set extra_float_digits = 1")
# What no other database is called, whatever its address: two numbers as text.
SERVER = (
    "(select system_identifier || '/' || pg_database.oid from pg_control_system(), pg_database"
    " where datname = current_database())"
)

# libpq's message about a failed connection contains host, port, user and database, so the user sees
# only the kind of failure.
_FAILURES = (
    ("password authentication failed", "it refuses the user or the password"),
    ("no password supplied", "it asks for a password and the string has none"),
    ("does not exist", "it knows no such user or database"),
    ("no pg_hba.conf entry", "its pg_hba.conf lets this user not in from here"),
    ("could not translate host name", "there is no host of that name"),
    ("name or service not known", "there is no host of that name"),
    ("failed to resolve host", "there is no host of that name"),
    ("connection refused", "nothing listens there"),
    ("timeout", "it does not answer"),
    ("too many connections", "it takes no more connections"),
    ("remaining connection slots", "it takes no more connections"),
    ("server closed the connection", "it closed the connection (does it take one client only?)"),
    ("ssl", "it and libpq do not agree on SSL"),
)


class TimescaleError(IngestError):
    """TimescaleDB could not be reached, or could not do what was asked."""


def require_dsn() -> str:
    """Return the connection string; ConfigError when it is not set or cannot be read."""
    dsn = os.environ.get(DSN_VARIABLE, "")
    if not dsn.strip():
        raise ConfigError(
            f"{DSN_VARIABLE} is not set: export it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    try:
        conninfo_to_dict(dsn)
    except psycopg.Error:
        raise ConfigError(
            f"{DSN_VARIABLE} is no connection string that libpq understands:"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE or key=value pairs"
        ) from None
    return dsn


def conninfo() -> str:
    """Return the connection string with what every connection of ours has."""
    return make_conninfo(require_dsn(), connect_timeout=10, application_name="ingest")


def what_failed(error: Exception) -> str:
    """Return what an error of psycopg, ADBC or its stream means, with no part of the DSN."""
    state = str(getattr(error, "sqlstate", None) or "")
    if isinstance(error, psycopg.Error):
        primary = error.diag.message_primary if state else None
    else:
        # "ERROR:  message", in the server's language; what a failed connect says names the user
        found = re.search(r"\w:  (.*)", str(error))
        primary = found[1] if found and "Failed to connect" not in str(error) else None
    if primary and not state.startswith("28"):
        return _without_secrets(primary)
    text = str(error).lower()
    for words, meaning in _FAILURES:
        if words in text:
            return meaning
    return f"{type(error).__name__} {state}".strip()


def _without_secrets(text: str) -> str:
    with suppress(IngestError):
        known = conninfo_to_dict(require_dsn())
        for key in ("password", "user", "host", "hostaddr", "dbname", "port"):
            value = str(known.get(key) or "")
            if value and value in text:
                text = text.replace(value, "***")
    return text


@contextmanager
def connected() -> Iterator[psycopg.Connection]:
    """Yield a connection that writes, in UTC; what reads tables is `session`.

    Raises TimescaleError, whose text never holds the connection string.
    """
    dsn = conninfo()
    try:
        connection = psycopg.connect(dsn, autocommit=True)
    except psycopg.Error as error:
        raise TimescaleError(f"TimescaleDB ({DSN_VARIABLE}): {what_failed(error)}") from None
    try:
        with connection:
            for setting in SETTINGS:
                connection.execute(setting.encode())
            yield connection
    except psycopg.Error as error:
        raise TimescaleError(f"TimescaleDB: {what_failed(error)}") from None


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
