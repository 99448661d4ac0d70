"""Real servers: PostgreSQL 15, and TimescaleDB in WASM. Each is started once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from python_ingest.settings import Settings, load_settings

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
sys.path.insert(0, str(REPOSITORY / "benchmarks"))
from postgres import BINARIES, postgres  # noqa: E402

SCHEMA = (HERE / "timescale_schema.ddl").read_text(encoding="utf-8")
TABLES = [line.split()[2] for line in SCHEMA.splitlines() if line.startswith("create table")]
PASSWORD = "s3cret-of-the-tests"  # noqa: S105


def _absent(what: str) -> None:
    """Skip where something is not installed, but never in CI (.ci/setup installs it)."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: .ci/setup must install it")
    pytest.skip(f"{what}: run .ci/setup")


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    if not (BINARIES / "pg_ctl").exists():
        _absent("PostgreSQL 15's server is not installed")
    with postgres(PASSWORD, shared_buffers="64MB", max_wal_size="1GB", fsync="off") as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield dsn


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[str]:
    folder = HERE / "timescale"
    if shutil.which("node") is None:
        _absent("Node is not installed")
    if not (folder / "node_modules").exists():
        _absent("TimescaleDB's npm package is not installed")
    with subprocess.Popen(
        ["node", "server.mjs"], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            yield (
                f"host=127.0.0.1 port={port} user=postgres password=postgres dbname=postgres"
                " sslmode=disable"
            )
        finally:
            server.kill()


@pytest.fixture
def source(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """PostgreSQL with the specification's tables, empty; TIMESCALE_DSN names it."""
    monkeypatch.setenv("TIMESCALE_DSN", postgres_dsn)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"truncate {', '.join(TABLES)}".encode())
        connection.execute("drop table if exists ingest_dual_write")
        yield connection


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def settings_in(folder: Path) -> Settings:
    env = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_TEMP_DIRECTORY": str(folder / "temp"),
        "DATABASE_NUM_THREADS": "2",
    }
    return load_settings(folder / "none.toml", env)
