"""Fixtures that every room's tests share."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from s3_server import s3, s3_server

from python_ingest.settings import Settings, load_settings

__all__ = ["s3", "s3_server"]
# `make test-spark` has an environment of its own; here its tests could not even be read.
collect_ignore = [] if find_spec("pyspark") else ["spark"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The walks first: they are the longest file, and no worker shall be left alone with it."""
    items.sort(key=lambda item: "walk" not in item.path.parts)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty DATA_DIR of the test's own, for this process and those it starts."""
    folder = tmp_path / "data"
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.delenv("DATABASE_PATH", raising=False)
    return folder


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return load_settings()
