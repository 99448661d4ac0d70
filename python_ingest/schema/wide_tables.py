"""The step of migration 008 that SQL cannot say: widen what dbt built, where it was built.

What was computed keeps its value: an average of eight decimals has ten once it is restated.
wide_tables.toml says which.
"""

import tomllib
from importlib.resources import files

import duckdb

from python_ingest.storage.sql import quoted

_TOLD = files("python_ingest.schema") / "wide_tables.toml"


def widen(connection: duckdb.DuckDBPyConnection) -> None:
    """Widen the decimals of the tables that are there. Runs inside the migration's transaction."""
    for table, types in tomllib.loads(_TOLD.read_text(encoding="utf-8")).items():
        then = types.pop("then", None)
        schema, _, name = table.partition(".")
        there = {
            column
            for (column,) in connection.execute(
                "select column_name from duckdb_columns() where database_name ="
                " current_database() and schema_name = ? and table_name = ?",
                [schema, name],
            ).fetchall()
        }
        for new_type, columns in types.items():
            for column in there & set(columns.split()):
                connection.execute(f"alter table {table} alter {quoted(column)} type {new_type}")
        if there and then:
            connection.execute(then.format(table))
