"""Fixtures that every room's tests share."""

import os
import signal
import tempfile
from importlib.util import find_spec
from pathlib import Path

import forked
import pytest
from s3_server import s3, s3_server
from sample_build import the_sample

from python_ingest.settings import Settings, load_settings

__all__ = ["s3", "s3_server"]
HERE = Path(__file__).parent
# `make test-spark` has an environment of its own; here its tests could not even be read.
collect_ignore = [] if find_spec("pyspark") else ["spark"]
# A shell's job in the background ignores Ctrl-C, and so would the commands that tests press it for.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Let the processes of all workers share what dbt reads (every_process/sitecustomize.py)."""
    if "READ_BY_DBT" in os.environ:  # in a worker
        return
    read = tempfile.TemporaryDirectory(prefix="read-by-dbt-")
    config.add_cleanup(read.cleanup)
    os.environ["READ_BY_DBT"] = read.name

    # The process that forks dbt imports tests' warm_dbt, and knows no other path than this one.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(HERE / "every_process"), str(HERE), str(HERE.parents[1])]
    )
    forked.offer(Path(read.name))


# Random walks, kills, months of time, builds by the dozen, servers: a third of the tests, most of
# their time (`make test-long`). The longest first, so that no worker is left alone with one of
# them. Walks alternate with others: what they begin with is made once for each worker.
LONG = """
walk/test_years cli/test_resident walk/test_live review/test_docs_site walk/test_partial_builds
migration/test_consistency walk/test_old_days trading/test_corporate_actions test_duckdb15
walk/test_walk walk/test_invariants trading/test_order_cases trading/test_lot_marts
market/test_rules trading/test_accounts schema/test_upgrade trading/test_order_feeds
trading/test_reconciliation trading/test_changed_inputs trading/test_chain trading/test_extremes
recovery/test_restore trading/test_transfers landing/test_killed schema/test_widened
lifecycle/test_compaction streaming/test_outage review/test_chains serving/test_hot_day
migration/test_proof lifecycle/test_restated cli/test_clock publication/test_publish_parts
landing/test_power_loss trading/test_inverse review/test_slim migration/test_switch
landing/test_damaged_files trading/test_forgotten recovery/test_snapshot lifecycle/test_archive
landing/test_whoever_comes_first
lifecycle/test_killed cli/test_interrupts recovery/test_disk_full serving/test_soak
migration/test_dual_write_stream streaming/test_stream_killed recovery/test_killed
market/test_any_order market/test_order_of_ticks review/test_live_page recovery/test_clock
review/test_lineage_of_models trading/test_scenarios review/test_report migration/test_dual_write
recovery/test_segments market/test_recorded_data lifecycle/test_export serving/test_pool
trading/test_fold migration/test_extract lifecycle/test_cold_on_s3 recovery/test_verify
serving/test_served_sample landing/test_land_command landing/test_former_spellings
recovery/test_cold publication/test_bundle landing/test_deduplicate demo/test_command
landing/test_engine lifecycle/test_moved cli/test_extras storage/test_before_the_lock
migration/test_timescale recovery/test_waiting_rows feeds/test_recognition feeds/test_layout
landing/test_bad_files trading/test_lots streaming/test_coming_back landing/test_landed_again
""".split()
# The second worker starts with what needs no dbt: until the first has it, 30 s of CPU go by.
FIRST = [*LONG, "test_sample", "serving/test_flight_sql"]
FIRST += ["feeds/test_examples", "feeds/test_declarations"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no long file where none is asked for: each worker would, for three seconds."""
    if not config.option.markexpr.startswith("not long"):
        return None
    name = collection_path.relative_to(HERE) if collection_path.is_relative_to(HERE) else None
    return str(name).removesuffix(".py") in LONG or None


@pytest.hookimpl(tryfirst=True)  # before what is not asked for is left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of long files, and put these first."""
    names = {item: str(item.path.relative_to(HERE).with_suffix("")) for item in items}
    for item in items:
        if names[item] in LONG:
            item.add_marker("long")
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(names[item], len(places)))


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
