"""Columns of the server: the expression to select, and the DuckDB type that loses nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from python_ingest.migration.tables import Table
from python_ingest.storage.sql import quoted


@dataclass(frozen=True)
class Column:
    """A column: its expression in the server's SELECT, and how DuckDB reads its text.

    `csv_type`: the type as which the text is parsed; `type`: the stored type. `is_loose`: the
    server may hold values with more digits than `type`, so each value is checked.
    """

    name: str
    select: str
    csv_type: str
    type: str
    is_loose: bool = False


_PLAIN = {
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "uuid": "UUID",
    "timestamp": "TIMESTAMP",
}
_DIGITS = 38


def column_of(  # noqa: PLR0913, PLR0911 - one return per family of types
    name: str,
    type_: str,
    modifier: int,
    is_array: bool,
    *,
    table: Table | None,
    renamed: str | None,
) -> Column:
    """Return how a column of this PostgreSQL type is read; `renamed`: the one that is the time."""
    source = quoted(name)
    if renamed == name and table:
        name = table.time
    wanted = table.columns.get(name) if table else None
    if type_ == "timestamptz":
        return Column(name, f"{source} at time zone 'UTC'", "TIMESTAMP", "TIMESTAMP")
    if type_ == "numeric":
        return _numeric(name, source, modifier, wanted)
    if is_array:
        return Column(name, f"array_to_json({source})", "VARCHAR", "VARCHAR[]")
    if type_ in ("json", "jsonb"):
        return Column(name, source, "VARCHAR", "JSON")
    if wanted and wanted.startswith("DECIMAL"):
        return Column(name, f"{source}::numeric", "VARCHAR", wanted, is_loose=True)
    plain = _PLAIN.get(type_)
    if plain is None:
        plain = "VARCHAR"
        source = source if type_ in ("text", "varchar") else f"{source}::text"
    if wanted in ("BIGINT", "INTEGER", "UUID", "VARCHAR") and wanted != plain:
        return Column(name, source, wanted, wanted)
    return Column(name, source, plain, plain)


def _numeric(name: str, source: str, modifier: int, wanted: str | None) -> Column:
    """A numeric column: parsed as DECIMAL where all values fit, else checked one by one."""
    declared = modifier - 4
    precision, scale = (declared >> 16, declared & 0x7FF) if modifier >= 0 else (None, None)
    if wanted is None or not wanted.startswith("DECIMAL"):
        if precision is None or scale is None or precision > _DIGITS or scale > precision:
            return Column(name, source, "VARCHAR", "VARCHAR")  # its text is exact
        wanted = f"DECIMAL({precision},{scale})"
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", wanted)
    assert match is not None  # noqa: S101 - our own types
    # a value too large fails to parse; one with more decimals would be rounded
    if scale is not None and scale <= int(match[2]):
        return Column(name, source, wanted, wanted)
    return Column(name, source, "VARCHAR", wanted, is_loose=True)
