"""A fresh warehouse, and a way to land text and look at the rows."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from testkit import ask, land_text, new_database

from python_ingest.landing.engine import Engine
from python_ingest.landing.land import LandingResult
from python_ingest.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return new_database(load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")}))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Lands what several tests land: to start one for each file is a sixth of these tests."""
    folder = tmp_path_factory.mktemp("engine")
    with Engine(load_settings(folder / "none.toml", {"DATA_DIR": str(folder)})) as running:
        yield running


@pytest.fixture
def rows(settings: Settings) -> Callable[[str], list[Any]]:
    return partial(ask, settings)


@pytest.fixture
def land(
    tmp_path: Path, settings: Settings, rows: Callable[[str], list[Any]], engine: Engine
) -> Callable[..., tuple[LandingResult, Callable[[str], list[Any]]]]:
    """Land bytes under a file name; return the result and a query function."""

    def run(
        kind: str, name: str, content: bytes, named_format: str | None = None
    ) -> tuple[LandingResult, Callable[[str], list[Any]]]:
        path = tmp_path / name
        options = {"named_format": named_format, "engine": engine}
        return land_text(settings, kind, path, content, **options), rows

    return run
