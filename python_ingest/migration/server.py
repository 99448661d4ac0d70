"""The connection to TimescaleDB: the string comes from TIMESCALE_DSN and is never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from python_ingest.errors import ConfigError, IngestError

DSN_VARIABLE = "TIMESCALE_DSN"
SETTINGS = ("set timezone = 'UTC'", "set datestyle = 'ISO'", "set extra_float_digits = 1")

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
