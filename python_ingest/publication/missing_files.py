"""`missing_files`: which cold files the published file reads and does not find.

A published file that was copied elsewhere without them answers queries of old rows with an error
that names one file. This view names all, wherever it is opened.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from python_ingest.publication.descriptions import Description
from python_ingest.storage.cold_files import READABLE
from python_ingest.storage.sql import literal

MISSING = "missing_files"
DESCRIBED = Description(
    "One row per cold Parquet file that relations of this file read and that is not where they look"
    " for it. While there is any, a query of them ends with 'No files found': this file was copied"
    " without its cold files. Ask for a bundle (`ingest publish --bundle`), which holds all rows.",
    {
        "relation": "The relation that reads it.",
        "date": "UTC date of its rows.",
        "rows": "Rows in it.",
        "path": "Where it is looked for.",
    },
)


def create_missing_files(connection: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    """Add the view to the current database, where it publishes which cold files there are.

    `data_dir`: below which local cold files are. Files on S3 are not looked for.
    """
    found = connection.execute(
        "select count(*) from duckdb_views() where database_name = current_database()"
        " and schema_name = 'main' and view_name = 'cold_files'"
    ).fetchall()
    if not found[0][0]:
        return
    cold = literal(f"{data_dir.resolve()}/cold/")
    connection.execute(f"""
        create view main.{MISSING} as
        with cold as (
            select relation, date, rows,
                {cold} || regexp_replace(path, '^(.*/)?cold/', '') as path
            from main.cold_files
            where {READABLE} and not contains(path, '://')
        )

        select * from cold
        where path not in (select file from glob({cold} || '**/*.parquet'))
    """)
