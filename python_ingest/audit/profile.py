"""Figures of newly landed data as small frames, computed by DuckDB and judged elsewhere.

The queries are files beside this one: queries/landings.sql, ticks.sql, orders.sql.
"""

from importlib.resources import files
from pathlib import Path

import duckdb
import pandas as pd

from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.cold_duplicates import WAITS
from python_ingest.storage.cold_files import readable_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import with_files

# kind of landing -> its table
TABLES = {name: kind.table.removeprefix("raw.") for name, kind in KINDS.items()}

_QUERIES = files("python_ingest.audit") / "queries"


Profile = dict[str, pd.DataFrame]
"""Frames of one row per `subject`: `landings` of kinds, `ticks` of instruments, `orders`."""


def profile(connection: duckdb.DuckDBPyConnection, data_dir: Path, after: int) -> Profile:
    """Return the figures of everything in batches after `after`, warm or cold."""
    _define_landed(connection, data_dir, after)
    values = {"landings": {"after": after, "waits": WAITS}}
    return {
        name: connection.execute(query(name), values.get(name, {"after": after})).df()
        for name in ("landings", "ticks", "orders")
    }


def query(name: str) -> str:
    """Return the text of a query of the profile."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def _define_landed(connection: duckdb.DuckDBPyConnection, data_dir: Path, after: int) -> None:
    """Make the views `landed_<table>` over all rows of batches after `after`, exported ones too.

    Only files with such rows are opened (docs/adr/0042).
    """
    for table in TABLES.values():
        rows = f"raw.{table}"
        if table in RELATIONS:
            cold = readable_files(connection, table, after_batch=after)
            rows = with_files(connection, data_dir, RELATIONS[table], cold)
        connection.execute(f"create or replace temp view landed_{table} as select * from {rows}")
