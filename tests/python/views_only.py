"""A database that has the views of trading and market, and no table besides those of migrations.

To make the views takes a third of a build. Nobody reads them before their tables are there.
"""

import fcntl
import os
import shutil
from pathlib import Path

import duckdb
from forked import run_dbt

from python_ingest.schema.migrate import migrate

_SELECTED = ("+marts.trading", "+path:models/marts/market")
_TABLES = (
    "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
)


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
    migrated = path.with_name("migrated.duckdb")
    for place in (path, migrated):
        with duckdb.connect(str(place)) as connection:
            migrate(connection)
    command = ("build", "--exclude-resource-type", "test", "unit_test", "snapshot")
    done = run_dbt(path.parent, *command, "--select", *_SELECTED)
    assert done.returncode == 0, done.stdout[-6000:]
    with duckdb.connect(str(migrated), read_only=True) as connection:
        kept = set(connection.execute(_TABLES).fetchall())
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{migrated}' as migrated (read_only)")
        for schema, table in connection.execute(_TABLES).fetchall():
            if (schema, table) not in kept:
                connection.execute(f"drop table {schema}.{table}")
                continue
            connection.execute(f"delete from {schema}.{table}")
            connection.execute(f"insert into {schema}.{table} from migrated.{schema}.{table}")
        assert set(connection.execute(_TABLES).fetchall()) == kept
