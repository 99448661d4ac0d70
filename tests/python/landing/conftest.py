"""A fresh warehouse per test, and helpers that look into it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.settings import Settings, load_settings

Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    env = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_TEMP_DIRECTORY": str(tmp_path / "temp")}
    return load_settings(tmp_path / "none.toml", env)


@pytest.fixture
def rows(settings: Settings) -> Rows:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(settings.database_path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


@pytest.fixture
def busy(settings: Settings) -> Callable[[], Any]:
    """While it is entered another process holds the database; gives settings that wait for 1 ms."""

    @contextmanager
    def held() -> Iterator[Settings]:
        hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", hold, str(settings.database_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            pool = settings.pool.model_copy(update={"connection_timeout_ms": 1})
            yield settings.model_copy(update={"pool": pool})
            holder.communicate(b"\n")

    return held
