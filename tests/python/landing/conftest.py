"""A fresh warehouse per test, and helpers that look into it."""

from __future__ import annotations

from collections.abc import Callable
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
