"""Spark's rows are taken when they are whole, of the same seeds, and nothing would be missed."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from python_ingest.errors import UsageError
from python_ingest.lifecycle.handover import hand_over
from python_ingest.lifecycle.spark_build import SEEDS, begin, collectable, finish
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings

PROJECT = Path(__file__).resolve().parents[3]
LANDING = """
    insert into raw.landings by name
    select {batch} as batch_id, 'ticks' as kind, 'f' as file_name, '{batch}' as sha256,
        'canonical' as format, 0 as rows_read, 0 as rows_landed, 0 as rows_duplicate,
        0 as rows_rejected, now()::timestamp as landed_at, 0 as duration_ms
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "seeds").mkdir(parents=True)
    for name in SEEDS:
        shutil.copy(PROJECT / "seeds" / f"{name}.csv", tmp_path / "project" / "seeds")
    return tmp_path / "project"


@pytest.fixture
def exported(settings: Settings) -> Settings:
    """Batches 1 to 3 in an export; a folder for Spark's tables."""
    settings.database_path.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.database_path)) as connection:
        migrate(connection)
        for batch in (1, 2, 3):
            connection.execute(LANDING.format(batch=batch))
    hand_over(settings)
    (settings.data_dir / "spark").mkdir()
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
    with pytest.raises(UsageError, match=r"seeds/timeframes\.csv changed.*--full-refresh"):
        collectable(exported, project)


@pytest.mark.parametrize(("batch", "refused"), [(3, False), (4, True)])
def test_ticks_that_went_cold_unseen_would_be_missed(
    exported: Settings, project: Path, batch: int, refused: bool
) -> None:
    finish(exported, begin(exported, project))
    with duckdb.connect(str(exported.database_path)) as connection:
        connection.execute(
            f"""insert into raw.cold_files by name
            select 1 as file_id, 'market_ticks' as relation, date '2024-03-01' as date,
                '' as folder, 'a.parquet' as path, 1 as rows, '' as checksum, '' as sha256,
                1 as bytes, timestamp '2024-03-01' as min_timestamp, {batch} as max_batch_id,
                timestamp '2024-03-01' as max_timestamp, now()::timestamp as exported_at,
                'local' as state"""
        )
    if refused:
        with pytest.raises(
            UsageError, match=r"after batch 3, .* `ingest export` and `ingest spark`"
        ):
            collectable(exported, project)
    else:
        assert collectable(exported, project).batch == 3
