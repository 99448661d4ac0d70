"""What Flight SQL clients list: schemas, tables and columns.

There is no catalog: `main.ohlcv_bars` means what `ohlcv_bars` means, the newest rows included,
while a name with DuckDB's catalog would leave them out. A relation that reads cold files is a table
like the others: clients such as Grafana list tables only, and it may become one any day.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from python_ingest.errors import QueryError
from python_ingest.serving.flight_sql_info import (
    SQL_INFO,
    XDBC_TYPES,
    schema_of,
    sql_info,
    xdbc_types,
)
from python_ingest.serving.flight_sql_messages import given
from python_ingest.serving.pool import Described, ReaderPool
from python_ingest.serving.query import SQL
from python_ingest.storage.sql import quoted

SCHEMA, TABLE = "main", "BASE TABLE"

_TABLES = schema_of("catalog_name? db_schema_name? table_name table_type")
_WITH_SCHEMA = _TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
_FOREIGN_KEYS = schema_of(
    "pk_catalog_name? pk_db_schema_name? pk_table_name pk_column_name"
    " fk_catalog_name? fk_db_schema_name? fk_table_name fk_column_name"
    " key_sequence:int32 fk_key_name? pk_key_name? update_rule:uint8 delete_rule:uint8"
)
_SCHEMAS = {
    "CommandGetSqlInfo": SQL_INFO,
    "CommandGetXdbcTypeInfo": XDBC_TYPES,
    "CommandGetCatalogs": schema_of("catalog_name"),
    "CommandGetDbSchemas": schema_of("catalog_name? db_schema_name"),
    "CommandGetTables": _TABLES,
    "CommandGetTableTypes": schema_of("table_type"),
    "CommandGetPrimaryKeys": schema_of(
        "catalog_name? db_schema_name? table_name column_name key_name? key_sequence:int32"
    ),
    "CommandGetExportedKeys": _FOREIGN_KEYS,
    "CommandGetImportedKeys": _FOREIGN_KEYS,
    "CommandGetCrossReference": _FOREIGN_KEYS,
}


def _schemas(pool: ReaderPool, command: Any) -> list[str]:
    if given(command, "catalog"):  # there is none
        return []
    like = given(command, "db_schema_filter_pattern")
    found = pool.query(SQL.schemas(), {"schema": SCHEMA, "like": like}, "list_schemas")
    return [SCHEMA] if found.num_rows else []


def _tables(pool: ReaderPool, published: str, command: Any) -> list[dict[str, Any]]:
    wanted = list(command.table_types)
    if not _schemas(pool, command) or (wanted and TABLE not in wanted):
        return []
    of_ours = {"schema": SCHEMA, "published": published}
    like = given(command, "table_name_filter_pattern")
    names = pool.query(SQL.relations(), of_ours | {"like": like}, "list_tables")["name"]
    rows = [
        {"db_schema_name": SCHEMA, "table_name": name, "table_type": TABLE}
        for name in names.to_pylist()
    ]
    if not command.include_schema:
        return rows
    said = pool.query(SQL.comments(), of_ours, "list_tables")
    remarks = {(row["name"], row["column_name"]): row["comment"] for row in said.to_pylist()}
    for row in rows:
        described = _described(pool, row["table_name"], remarks)
        row["table_schema"] = described.serialize().to_pybytes()
    return rows


def _described(pool: ReaderPool, name: str, remarks: Mapping[tuple[str, str], str]) -> pa.Schema:
    """Return a relation's columns with what JDBC asks of them; none when it cannot be read.

    `remarks`: what columns mean, by relation and column.
    """
    try:
        found = pool.describe(f"select * from {quoted(SCHEMA)}.{quoted(name)}")
    except QueryError:  # its cold files are gone: the others are listed all the same
        return pa.schema([])
    return pa.schema(
        [
            _column(found, name, number, remarks.get((name, column)))
            for number, column in enumerate(found.schema.names)
        ]
    )


def _column(found: Described, table: str, number: int, remark: str | None) -> pa.Field:
    field = found.schema.field(number)
    said = {"DB_SCHEMA_NAME": SCHEMA, "TABLE_NAME": table, "TYPE_NAME": found.types[number]}
    said |= {"IS_AUTO_INCREMENT": "0", "IS_CASE_SENSITIVE": "0", "IS_READ_ONLY": "1"}
    said["IS_SEARCHABLE"] = "1"
    if remark:
        said["REMARKS"] = remark
    if pa.types.is_decimal(field.type):
        said |= {"PRECISION": str(field.type.precision), "SCALE": str(field.type.scale)}
    return field.with_metadata({f"ARROW:FLIGHT:SQL:{key}": text for key, text in said.items()})


def is_listing(name: str) -> bool:
    """Tell whether a command of this name lists something."""
    return name in _SCHEMAS


def schema_of_listing(name: str, command: Any) -> pa.Schema:
    """Return the schema of a command's answer."""
    if name == "CommandGetTables" and command.include_schema:
        return _WITH_SCHEMA
    return _SCHEMAS[name]


def listed(pool: ReaderPool, published: str, name: str, command: Any) -> pa.Table:
    """Return the answer to a command; `published`: the engine's name of the published file."""
    rows: list[dict[str, Any]] = []  # there are no catalogs, and no keys
    match name:
        case "CommandGetSqlInfo":
            return sql_info(command.info)
        case "CommandGetXdbcTypeInfo":
            rows = xdbc_types(command.data_type if command.HasField("data_type") else None)
        case "CommandGetDbSchemas":
            rows = [{"db_schema_name": schema} for schema in _schemas(pool, command)]
        case "CommandGetTables":
            rows = _tables(pool, published, command)
        case "CommandGetTableTypes":
            rows = [{"table_type": TABLE}]
    return pa.Table.from_pylist(rows, schema=schema_of_listing(name, command))
