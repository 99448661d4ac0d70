"""Our rows in PostgreSQL's form: common columns, CSV text, COPY."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import psycopg

from python_ingest.errors import IngestError
from python_ingest.migration.server import what_failed
from python_ingest.migration.tables import Table
from python_ingest.settings import Settings
from python_ingest.storage.sql import columns_of, quoted
from python_ingest.storage.writer import open_writer

REFUSALS = (psycopg.IntegrityError, psycopg.DataError, psycopg.errors.RaiseException)
"""What the server raises of a row that it does not take; anything else says nothing of rows."""


def common_columns(
    server: psycopg.Connection, table: Table, raw: str, settings: Settings
) -> dict[str, str]:
    """Return name and DuckDB type of the columns that both sides have."""
    there = {
        row[0]
        for row in server.execute(
            "select attname from pg_attribute where attrelid = to_regclass(%s)"
            " and attnum > 0 and not attisdropped",
            [table.name],
        )
    }
    if not there:
        raise IngestError(f"TimescaleDB has no table {table.name}")
    with open_writer(settings) as connection:
        here = columns_of(connection, raw)
    return {name: type_ for name, type_ in here.items() if name in there}


def as_postgres(name: str, type_: str) -> str:
    """Return SQL that renders a column as PostgreSQL reads it in CSV."""
    column = quoted(name)
    if type_ == "TIMESTAMP":
        return f"strftime({column}, '%Y-%m-%d %H:%M:%S.%f+00') as {column}"
    if type_.startswith("STRUCT"):
        return f"to_json({column})::varchar as {column}"
    if type_ == "VARCHAR[]":
        escaped = "replace(replace(x, '\\', '\\\\'), '\"', '\\\"')"
        return (
            f"case when {column} is not null then '{{' || array_to_string(list_transform({column},"
            f" lambda x: case when x is null then 'NULL' else '\"' || {escaped} || '\"' end), ',')"
            f" || '}}' end as {column}"
        )
    return column


class Incoming(NamedTuple):
    """SQL that inserts what came in, and of each column in the type that its table has."""

    insert: str
    values: dict[str, str]


def take_in(server: psycopg.Connection, table: str, columns: Iterable[str], rows: Path) -> Incoming:
    """Stream a file of CSV into a temporary table `incoming_<table>`, all columns as text.

    The column `position` numbers the rows from 1; the table is gone with the transaction.
    """
    # types without a length: a cast cuts a text that is too long, where an insert refuses it
    types: dict[str, str] = dict(
        server.execute(
            "select attname, format_type(atttypid, null) from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
            [table],
        ).fetchall()
    )
    values = {name: f"{quoted(name)}::{types[name]}" for name in columns}
    names = ", ".join(map(quoted, values))
    server.execute(
        f"create temp table incoming_{table}"
        " (position bigint generated always as identity primary key,"
        f" {', '.join(f'{quoted(name)} text' for name in values)}) on commit drop".encode()
    )
    copy = f"copy incoming_{table} ({names}) from stdin (format csv)".encode()
    with server.cursor() as cursor, cursor.copy(copy) as incoming, rows.open("rb") as file:
        while block := file.read(1 << 18):
            incoming.write(block)
    insert = f"insert into {table} ({names}) select {', '.join(values.values())}"
    return Incoming(f"{insert} from incoming_{table}", values)


class Put(NamedTuple):
    """Rows written, and for each position that the server refused the reason."""

    rows: int
    refused: dict[int, str]


def put_apart(
    server: psycopg.Connection, put: Callable[[int, int], int], first: int, last: int
) -> Put:
    """Call `put` for positions from first to last, in halves where a row of them is refused.

    `put` returns how many rows it wrote. Each call is whole or undone.
    """
    if first > last:
        return Put(0, {})
    try:
        with server.transaction():
            return Put(put(first, last), {})
    except REFUSALS as error:
        if first == last:
            return Put(0, {first: what_failed(error)})
    middle = (first + last) // 2
    one = put_apart(server, put, first, middle)
    other = put_apart(server, put, middle + 1, last)
    return Put(one.rows + other.rows, one.refused | other.refused)
