"""Fixtures that every room's tests share."""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from s3_server import s3, s3_server
from sample_build import the_sample

from python_ingest.settings import Settings, load_settings

__all__ = ["s3", "s3_server"]
# `make test-spark` has an environment of its own; here its tests could not even be read.
collect_ignore = [] if find_spec("pyspark") else ["spark"]


def pytest_configure(config: pytest.Config) -> None:
    """Let the processes of all workers share what dbt reads (every_process/sitecustomize.py)."""
    if "READ_BY_DBT" in os.environ:  # in a worker
        return
    read = tempfile.TemporaryDirectory(prefix="read-by-dbt-")
    config.add_cleanup(read.cleanup)
    os.environ["READ_BY_DBT"] = read.name
    tests = Path(__file__).parent
    # The process that forks dbt imports tests' warm_dbt, and knows no other path than this one.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(tests / "every_process"), str(tests), str(tests.parents[1])]
    )


# Half a minute of CPU and more, the longest first, so that no worker is left alone with one of
# them. Walks alternate with others: what they begin with is made once for each worker.
LONG = """
walk/test_years test_sample walk/test_old_days migration/test_consistency
walk/test_partial_builds test_duckdb15 walk/test_walk trading/test_chain market/test_rules
trading/test_changed_inputs lifecycle/test_restated market/test_any_order landing/test_power_loss
landing/test_killed schema/test_widened
""".split()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = str(item.path.relative_to(here).with_suffix(""))
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The DATA_DIR of the built sample; nobody changes it."""
    base = tmp_path_factory.getbasetemp()
    return the_sample(base if worker_id == "master" else base.parent)


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
