"""A database that has the project's views, and no table besides those of migrations.

To make the views takes a third of a build. Nobody reads them before their tables are there. They
are those of the build of nothing by the process that forks dbt (warm_dbt.py).
"""

import fcntl
import os
import shutil
from pathlib import Path

import duckdb
from forked import run_dbt
from testkit import new_database

from python_ingest.settings import load_settings

_TABLES = "select schema_name, table_name from duckdb_tables() where database_name = $name"


def begin(path: Path) -> None:
    """Put such a database at `path`; it is built once for all workers."""
    kept = Path(os.environ["READ_BY_DBT"], "views_only")
    kept.mkdir(exist_ok=True)
    made, source = kept / "made", kept / "trading.duckdb"
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(source)
            made.touch()
    shutil.copy(source, path)


def _make(path: Path) -> None:
    run_dbt(path.parent, "--version")  # what forks it has built before
    shutil.copy(Path(os.environ["READ_BY_DBT"], "empty", "trading.duckdb"), path)
    folder = path.parent / "migrated"
    migrated = new_database(load_settings(folder / "none.toml", {"DATA_DIR": str(folder)}))
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{migrated.database_path}' as migrated (read_only)")

        def tables(name: str) -> set[tuple[str, str]]:
            return set(connection.execute(_TABLES, {"name": name}).fetchall())

        kept = tables("migrated")
        for schema, table in tables(path.stem):
            if (schema, table) not in kept:
                connection.execute(f"drop table {schema}.{table}")
                continue
            connection.execute(f"delete from {schema}.{table}")
            connection.execute(f"insert into {schema}.{table} from migrated.{schema}.{table}")
        assert tables(path.stem) == kept
