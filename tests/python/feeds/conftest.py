"""A fresh warehouse, and a way to land text and look at the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, fresh: Callable[[Settings], Settings]) -> Settings:
    return fresh(load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")}))


@pytest.fixture
def rows(settings: Settings) -> Callable[[str], list[Any]]:
    def ask(sql: str) -> list[Any]:
        with duckdb.connect(str(settings.database_path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


@pytest.fixture
def land(
    tmp_path: Path, settings: Settings, rows: Callable[[str], list[Any]]
) -> Callable[..., tuple[LandingResult, Callable[[str], list[Any]]]]:
    """Land bytes under a file name; return the result and a query function."""

    def run(
        kind: str, name: str, content: bytes, named_format: str | None = None
    ) -> tuple[LandingResult, Callable[[str], list[Any]]]:
        path = tmp_path / name
        path.write_bytes(content)
        return land_files(settings, kind, [path], named_format)[0], rows

    return run
