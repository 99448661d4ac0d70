"""A PostgreSQL 15 of the benchmark's own: unprivileged, on a free loopback port, under /tmp."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
def postgres() -> Iterator[str]:
    """Start a server with default durability; yields its connection string."""
    folder = Path(tempfile.mkdtemp(prefix="bench-postgres-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = str(folder / "data")
    port = free_port()
    options = {**OPTIONS, "port": str(port), "unix_socket_directories": str(folder)}
    flags = " ".join(f"-c {key}={value}" for key, value in options.items())
    control = [str(BINARIES / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    try:
        _as_unprivileged([str(BINARIES / "initdb"), "-D", data, "-A", "trust", "-U", "bench"])
        _as_unprivileged([*control, "-o", flags, "start"])
        yield f"host=127.0.0.1 port={port} user=bench dbname=postgres"
    finally:
        _as_unprivileged([*control, "-m", "fast", "stop"])
        shutil.rmtree(folder)
