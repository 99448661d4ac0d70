"""What Flight SQL clients list: schemas, tables and columns.

There is no catalog: `main.ohlcv_bars` means what `ohlcv_bars` means, the newest rows included,
while a name with DuckDB's catalog would leave them out. A relation that reads cold files is a table
like the others: clients such as Grafana list tables only, and it may become one any day.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from python_ingest.errors import QueryError
from python_ingest.serving.flight_sql_info import SQL_INFO, XDBC_TYPES, sql_info, xdbc_types
from python_ingest.serving.flight_sql_messages import given
from python_ingest.serving.pool import Described, ReaderPool
from python_ingest.storage.sql import quoted

SCHEMA, TABLE = "main", "BASE TABLE"

Listing = Callable[[ReaderPool, str, Any], pa.Table]


def _schema(fields: str) -> pa.Schema:
    """Return a schema of `name`s, which are texts, or `name:type`s; `?` after what may be NULL."""
    found = []
    for field in fields.split():
        name, _, kind = field.rstrip("?").partition(":")
        found.append(pa.field(name, pa.type_for_alias(kind or "string"), field.endswith("?")))
    return pa.schema(found)


CATALOGS = _schema("catalog_name")
SCHEMAS = _schema("catalog_name? db_schema_name")
TABLES = _schema("catalog_name? db_schema_name? table_name table_type")
TABLES_WITH_SCHEMA = _schema(
    "catalog_name? db_schema_name? table_name table_type table_schema:binary"
)
TABLE_TYPES = _schema("table_type")
PRIMARY_KEYS = _schema(
    "catalog_name? db_schema_name? table_name column_name key_name? key_sequence:int32"
)
FOREIGN_KEYS = _schema(
    "pk_catalog_name? pk_db_schema_name? pk_table_name pk_column_name"
    " fk_catalog_name? fk_db_schema_name? fk_table_name fk_column_name"
    " key_sequence:int32 fk_key_name? pk_key_name? update_rule:uint8 delete_rule:uint8"
)

# What is in memory bears a published name too.
_RELATIONS = """
    select name
    from (
        select database_name, schema_name, table_name as name, internal from duckdb_tables()
        union all
        select database_name, schema_name, view_name as name, internal from duckdb_views()
    )
    where not internal
        and schema_name = $schema
        and database_name = $published
        and ($like is null or name like $like escape '\\')
    order by name
"""
_COMMENTS = """
    select table_name as name, column_name, comment
    from duckdb_columns()
    where schema_name = $schema and database_name = $published and comment is not null
"""
_IN_SCHEMA = "select $schema where $like is null or $schema like $like escape '\\'"


def _no_catalog(command: Any) -> bool:
    """Tell whether a command asks for what has no catalog."""
    return given(command, "catalog") in (None, "")


def _schemas(pool: ReaderPool, command: Any) -> list[str]:
    if not _no_catalog(command):
        return []
    like = given(command, "db_schema_filter_pattern")
    found = pool.query(_IN_SCHEMA, {"schema": SCHEMA, "like": like}, "list_schemas")
    return [SCHEMA] if found.num_rows else []


def _tables(pool: ReaderPool, published: str, command: Any) -> list[str]:
    wanted = list(command.table_types)
    if not _schemas(pool, command) or (wanted and TABLE not in wanted):
        return []
    like = given(command, "table_name_filter_pattern")
    values = {"schema": SCHEMA, "published": published, "like": like}
    names: list[str] = pool.query(_RELATIONS, values, "list_tables")["name"].to_pylist()
    return names


def _list_schemas(pool: ReaderPool, published: str, command: Any) -> pa.Table:
    rows = [{"db_schema_name": name} for name in _schemas(pool, command)]
    return pa.Table.from_pylist(rows, schema=SCHEMAS)


def _list_tables(pool: ReaderPool, published: str, command: Any) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"db_schema_name": SCHEMA, "table_name": name, "table_type": TABLE}
        for name in _tables(pool, published, command)
    ]
    if not command.include_schema:
        return pa.Table.from_pylist(rows, schema=TABLES)
    said = pool.query(_COMMENTS, {"schema": SCHEMA, "published": published}, "list_tables")
    remarks = {(row["name"], row["column_name"]): row["comment"] for row in said.to_pylist()}
    for row in rows:
        described = _described(pool, row["table_name"], remarks)
        row["table_schema"] = described.serialize().to_pybytes()
    return pa.Table.from_pylist(rows, schema=TABLES_WITH_SCHEMA)


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


def _none(schema: pa.Schema) -> Listing:
    return lambda pool, published, command: schema.empty_table()


_LISTINGS: dict[str, tuple[pa.Schema, Listing]] = {
    "CommandGetSqlInfo": (SQL_INFO, lambda _pool, _published, command: sql_info(command.info)),
    "CommandGetXdbcTypeInfo": (
        XDBC_TYPES,
        lambda _pool, _published, command: xdbc_types(
            command.data_type if command.HasField("data_type") else None
        ),
    ),
    "CommandGetCatalogs": (CATALOGS, _none(CATALOGS)),
    "CommandGetDbSchemas": (SCHEMAS, _list_schemas),
    "CommandGetTables": (TABLES, _list_tables),
    "CommandGetTableTypes": (
        TABLE_TYPES,
        lambda *_: pa.Table.from_pylist([{"table_type": TABLE}], schema=TABLE_TYPES),
    ),
    "CommandGetPrimaryKeys": (PRIMARY_KEYS, _none(PRIMARY_KEYS)),
    **{
        f"CommandGet{name}": (FOREIGN_KEYS, _none(FOREIGN_KEYS))
        for name in ("ExportedKeys", "ImportedKeys", "CrossReference")
    },
}


def is_listing(name: str) -> bool:
    """Tell whether a command of this name lists something."""
    return name in _LISTINGS


def schema_of_listing(name: str, command: Any) -> pa.Schema:
    """Return the schema of a command's answer."""
    if name == "CommandGetTables" and command.include_schema:
        return TABLES_WITH_SCHEMA
    return _LISTINGS[name][0]


def listed(pool: ReaderPool, published: str, name: str, command: Any) -> pa.Table:
    """Return the answer to a command; `published`: the engine's name of the published file."""
    return _LISTINGS[name][1](pool, published, command)
