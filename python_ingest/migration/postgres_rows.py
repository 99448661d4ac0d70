"""Our rows in PostgreSQL's form: common columns, CSV text, COPY."""

from __future__ import annotations

from pathlib import Path

import psycopg

from python_ingest.errors import IngestError
from python_ingest.migration.tables import Table
from python_ingest.settings import Settings
from python_ingest.storage.sql import columns_of, quoted
from python_ingest.storage.writer import open_writer


def copy_in(server: psycopg.Connection, statement: str, rows: Path) -> None:
    """Stream a file into COPY FROM."""
    with (
        server.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
        rows.open("rb") as file,
    ):
        while block := file.read(1 << 18):
            copy.write(block)


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
