"""DATA_DIR may be moved, or copied: what is in it never asks where it lay before."""

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from testkit import ask

from python_ingest.archiving.archive import archive
from python_ingest.archiving.unarchive import bring_back
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.publication.publish import publish
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.writer import open_writer

from .conftest import ALL_TICKS, make_warehouse
from .test_archive import make_cold, with_store

DUE = datetime(2024, 4, 2)
CHAINS = {"bars": "bars", "market_ticks": "ticks"}
MAIN = """
create view main.market_ticks as
    select * exclude (date) from cold.market_ticks union all select * from raw.market_ticks;
create view main.bars as select count(*) as n, sum(last_size) as volume from cold.market_ticks;
"""


Moved = tuple[Settings, list[tuple[object, ...]]]


def moved_to(settings: Settings, folder: Path) -> Settings:
    place = {"data_dir": folder, "database_path": folder / settings.database_path.name}
    return settings.model_copy(update=place)


def by_move(settings: Settings, folder: Path) -> None:
    settings.data_dir.rename(folder)


def by_copy(settings: Settings, folder: Path) -> None:
    """What is left behind is never read again."""
    shutil.copytree(settings.data_dir, folder)
    for path in (settings.data_dir / "cold").rglob("*.parquet"):
        path.write_bytes(b"none of it is read any more")


@pytest.fixture(params=[by_move, by_copy])
def moved(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Moved:
    """A warehouse that was published, in another folder; all of its ticks."""
    make_cold(settings)
    with open_writer(settings) as connection:
        connection.execute(MAIN)
    publish(settings, CHAINS)
    ticks = ask(settings, ALL_TICKS)
    elsewhere = tmp_path / "it's elsewhere" / "cold" / "data"
    elsewhere.parent.mkdir(parents=True)
    move: Callable[[Settings, Path], None] = request.param
    move(settings, elsewhere)
    return with_store(moved_to(settings, elsewhere), str(tmp_path / "store")), ticks


def published(settings: Settings) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.published_path), read_only=True) as reader:
        return reader.execute("select (select count(*) from market_ticks), n from bars").fetchall()


@pytest.mark.parametrize("moved", [by_move], indirect=True)
def test_readers_are_told_what_to_do(moved: Moved) -> None:
    with pytest.raises(duckdb.IOException) as found:
        published(moved[0])
    assert "`ingest publish` names its files anew" in first_line(found.value)


def test_it_is_published_again(moved: Moved) -> None:
    settings, ticks = moved
    publish(settings, CHAINS)
    assert published(settings) == [(3001, 3001)]
    assert ask(settings, ALL_TICKS) == ticks


def test_a_chain_that_is_held_back_goes_on(
    moved: Moved,
) -> None:
    settings, _ = moved
    for _ in range(2):
        publish(settings, CHAINS, {"bars": "a test failed"})
        assert published(settings) == [(3001, 3001)]


def test_archive_restore_and_compaction(
    moved: Moved,
) -> None:
    settings, ticks = moved
    assert len(archive(settings, DUE)) == 2
    compact_database(settings, enough=0)
    bring_back(settings, "market_ticks", date(2024, 1, 1), date(2024, 1, 3))
    assert ask(settings, ALL_TICKS) == ticks
    publish(settings, CHAINS)
    assert published(settings) == [(3001, 3001)]


def test_a_link_to_the_database_stays_one(settings: Settings, tmp_path: Path) -> None:
    make_warehouse(settings, 100, ["A"])
    ticks = ask(settings, ALL_TICKS)
    elsewhere = tmp_path / "disk" / "elsewhere.duckdb"
    elsewhere.parent.mkdir()
    settings.database_path.rename(elsewhere)
    settings.database_path.symlink_to(elsewhere)
    before = elsewhere.stat().st_ino
    assert compact_database(settings, enough=0)
    assert settings.database_path.is_symlink()
    assert elsewhere.stat().st_ino != before
    assert ask(settings, ALL_TICKS) == ticks
