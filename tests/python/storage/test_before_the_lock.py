"""What others acknowledge while a process stands just before its lock of the database is kept.

DuckDB 2.0.1 reads the header of a file before it locks the file, and never again.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from forked import PROJECT
from pause_point import between_opening_and_locking, is_possible

from python_ingest.errors import DatabaseBusyError
from python_ingest.schema.migrate import migrate
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

pytestmark = pytest.mark.skipif(not is_possible, reason="needs Linux's ptrace")

OURS = """
import sys
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

print("ready", flush=True)
sys.stdin.readline()
with open_writer(load_settings()) as connection:
    connection.execute("insert into kept values ('paused')")
"""
# dbt's own opening of the database, in its main thread.
DBT = """
import os, sys
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.environments import create

plugin = {"module": "python_ingest.lifecycle.dbt_plugin", "alias": "warehouse"}
path = sys.argv[1]
dbt = create(DuckDBCredentials.from_dict({"path": path, "plugins": [plugin]}))
print("ready", flush=True)
sys.stdin.readline()
dbt.handle().cursor().execute("insert into kept values ('paused')")
dbt.close()
"""


@pytest.mark.parametrize("program", [OURS, DBT], ids=["ours", "dbt"])
def test_a_commit_before_the_lock_is_kept(settings, monkeypatch, program):
    with open_writer(settings) as connection:
        migrate(connection)
        connection.execute("create table kept (who varchar)")
    paused = start(program, settings.database_path)
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "100")
    acknowledged = ["paused"]

    def write():
        try:
            with open_writer(load_settings()) as connection:
                connection.execute("insert into kept values ('meanwhile')")
            acknowledged.append("meanwhile")
        except DatabaseBusyError as busy:
            assert f"process {paused.pid} " in str(busy)  # noqa: PT017 - either is right

    between_opening_and_locking(paused, settings.database_path, do=write, go=paused.stdin.close)
    paused.stdin = None
    paused.communicate()
    assert paused.returncode == 0
    with open_writer(settings) as connection:
        found = connection.execute("select who from kept order by who").fetchall()
    assert found == [(who,) for who in sorted(acknowledged)]


def start(program: str, path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    )
    assert process.stdout.readline().strip() == b"ready"
    return process
