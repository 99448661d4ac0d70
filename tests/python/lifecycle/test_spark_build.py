"""Spark's rows are taken when they are whole and of the same seeds."""

import shutil
from pathlib import Path

import duckdb
import pytest
from testkit import land_text, new_database, register_cold_file

from python_ingest.errors import UsageError
from python_ingest.settings import Settings
from python_ingest.spark.builds import SEEDS, begin, collectable, finish
from python_ingest.spark.handover import hand_over

PROJECT = Path(__file__).resolve().parents[3]


def land(settings: Settings, batch: int) -> None:
    """Land a batch of one tick."""
    text = f"exchange,symbol,timestamp,last_price,trade_id\nx,S,2024-01-03,1,{batch}\n"
    result = land_text(settings, "ticks", settings.data_dir / "given" / f"{batch}.csv", text)
    assert result.batch_id == batch, result


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "seeds").mkdir(parents=True)
    for name in SEEDS:
        shutil.copy(PROJECT / "seeds" / f"{name}.csv", tmp_path / "project" / "seeds")
    return tmp_path / "project"


@pytest.fixture
def exported(settings: Settings) -> Settings:
    """Batches 1 to 3 in an export."""
    for batch in (1, 2, 3):
        land(new_database(settings), batch)
    hand_over(settings)
    return settings


def test_a_build_that_ended_is_taken_with_its_newest_batch(
    exported: Settings, project: Path
) -> None:
    finish(exported, begin(exported, project))
    assert collectable(exported, project).batch == 3


def test_nothing_is_built_of_nothing(settings: Settings, project: Path) -> None:
    with pytest.raises(UsageError, match="run `ingest export`"):
        begin(settings, project)


def test_a_build_that_did_not_end_is_not_taken(exported: Settings, project: Path) -> None:
    finish(exported, begin(exported, project))
    begin(exported, project)
    with pytest.raises(UsageError, match=r"no build on Spark has ended.*run `ingest spark`"):
        collectable(exported, project)


def test_a_seed_that_changed_since_is_named(exported: Settings, project: Path) -> None:
    finish(exported, begin(exported, project))
    with (project / "seeds" / "timeframes.csv").open("a") as file:
        file.write("2h,120\n")
    with pytest.raises(UsageError, match=r"seeds/timeframes\.csv changed.*run `ingest spark`"):
        collectable(exported, project)


def test_a_build_without_archived_days_is_not_taken(exported: Settings, project: Path) -> None:
    """Nor when they came back since: collected, it would take their bars away for good."""
    with duckdb.connect(str(exported.database_path)) as connection:
        for number, day in enumerate(("2024-01-01", "2024-01-02")):
            register_cold_file(connection, "market_ticks", day, file_id=number, path=day)
    hand_over(exported)
    finish(exported, begin(exported, project))
    with duckdb.connect(str(exported.database_path)) as connection:
        connection.execute("update raw.cold_files set state = 'restored'")
    lacks = r"lacks 2 archived days.*market_ticks 2024-01-01 2024-01-02`.*`ingest spark`"
    with pytest.raises(UsageError, match=lacks):
        collectable(exported, project)


def test_a_build_of_batches_that_a_restore_took_back_is_not_taken(
    exported: Settings, project: Path
) -> None:
    """Other batches land under their numbers, and would count as built."""
    finish(exported, begin(exported, project))
    for landed in ((), (3,)):
        with duckdb.connect(str(exported.database_path)) as connection:
            connection.execute("delete from raw.market_ticks where batch_id = 3")
            connection.execute("delete from raw.landings where batch_id = 3")
        for batch in landed:
            land(exported, batch)
        with pytest.raises(UsageError, match=r"batch 3 .* not in this database: run `ingest\s"):
            collectable(exported, project)


def test_a_build_begins_without_the_rows_of_the_one_before(
    exported: Settings, project: Path
) -> None:
    part = exported.data_dir / "spark" / "warm.db" / "ohlcv_bars_warm" / "_temporary" / "part-0"
    part.parent.mkdir(parents=True)
    part.touch()
    begin(exported, project)
    assert list((exported.data_dir / "spark").iterdir()) == []
