"""A fresh warehouse per test, and helpers that look into it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from testkit import ask, held, new_database

from python_ingest.settings import Settings, load_settings

Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    env = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_TEMP_DIRECTORY": str(tmp_path / "temp")}
    return new_database(load_settings(tmp_path / "none.toml", env))


@pytest.fixture
def rows(settings: Settings) -> Rows:
    return partial(ask, settings)


@pytest.fixture
def busy(settings: Settings) -> Callable[[], Any]:
    """While it is entered another process holds the database; gives settings that wait for 1 ms."""

    @contextmanager
    def held_meanwhile() -> Iterator[Settings]:
        with held(settings.database_path):
            pool = settings.pool.model_copy(update={"connection_timeout_ms": 1})
            yield settings.model_copy(update={"pool": pool})

    return held_meanwhile
