"""A PostgreSQL 15 of our own: unprivileged, on a free loopback port, under /tmp.

BENCH_TIMESCALE_DSN names a real TimescaleDB, an empty database on the same machine: the
benchmarks then ask it too. Its `market_ticks` is a hypertable of daily chunks.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "120",
    "shared_buffers": "4GB",
    "effective_cache_size": "12GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
}


def _as_unprivileged(command: list[str]) -> None:
    if os.geteuid() == 0:
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        command = [*user, *command]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def postgres(password: str | None = None, **changed: str) -> Iterator[str]:
    """Start a server with default durability; yields its connection string.

    With a password it asks every client for it. `changed` are options besides `OPTIONS`.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-postgres-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = str(folder / "data")
    port = free_port()
    options = {**OPTIONS, **changed, "port": str(port), "unix_socket_directories": str(folder)}
    flags = " ".join(f"-c {key}={value}" for key, value in options.items())
    control = [str(BINARIES / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    try:
        asks = ["-A", "trust"]
        if password:
            secret = folder / "password"
            secret.write_text(password, encoding="utf-8")
            secret.chmod(0o644)
            asks = ["-A", "scram-sha-256", f"--pwfile={secret}"]
        _as_unprivileged([str(BINARIES / "initdb"), "-D", data, "-U", "bench", *asks])
        _as_unprivileged([*control, "-o", flags, "start"])
        known = f" password={password}" if password else ""
        yield f"host=127.0.0.1 port={port} user=bench dbname=postgres{known}"
    finally:
        _as_unprivileged([*control, "-m", "fast", "stop"])
        shutil.rmtree(folder)


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Yield the connection strings by what they lead to: PostgreSQL, and TimescaleDB if named."""
    named = os.environ.get("BENCH_TIMESCALE_DSN")
    with postgres() as dsn:
        yield {"PostgreSQL 15": dsn} | ({"TimescaleDB": named} if named else {})


def into_chunks(connection: psycopg.Connection, table: str) -> bool:
    """Make an empty table a hypertable of daily chunks; False where there is no TimescaleDB."""
    if not connection.execute("select from pg_extension where extname = 'timescaledb'").rowcount:
        return False
    connection.execute(
        "select create_hypertable(%s, 'timestamp', chunk_time_interval => interval '1 day',"
        " create_default_indexes => false)",
        [table],
    )
    return True
