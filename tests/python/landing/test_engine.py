"""An engine that lands one file after the other holds the warehouse only while one lands."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.errors import DatabaseBusyError
from python_ingest.landing import land
from python_ingest.landing.engine import Engine
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

HEADER = "exchange,symbol,timestamp,last_price,last_size,trade_id\n"


@pytest.fixture(params=["trading", "a b", "engine"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    path = tmp_path / "data" / f"{request.param}.duckdb"
    env = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_PATH": str(path)}
    return load_settings(tmp_path / "none.toml", env)


def tick(folder: Path, number: int) -> Path:
    path = folder / f"{number}.csv"
    path.write_text(f"{HEADER}x,s,2024-01-02T00:00:00Z,1.5,2,{number}\n")
    return path


def test_others_write_between_two_files(settings: Settings, tmp_path: Path) -> None:
    with Engine(settings) as engine:
        for number in range(3):
            (result,) = land_files(settings, "ticks", [tick(tmp_path, number)], engine=engine)
            assert (result.state, result.batch_id) == ("landed", number + 1)
            assert not settings.database_path.with_suffix(".duckdb.wal").exists()
            with duckdb.connect(str(settings.database_path)) as other:  # another engine
                assert other.sql("select count(*) from raw.market_ticks").fetchall() == [
                    (number + 1,)
                ]
                other.execute(f"create table t{number} as select 1")


def test_whoever_has_it_open_in_this_process_is_waited_for(
    settings: Settings, tmp_path: Path
) -> None:
    with open_writer(settings, create=True):
        brief = settings.model_copy(
            update={"pool": settings.pool.model_copy(update={"connection_timeout_ms": 1})}
        )
        with Engine(brief) as engine:
            (result,) = land_files(brief, "ticks", [tick(tmp_path, 1)], engine=engine)
            assert (result.state, result.may_pass) == ("spooled", True)
            with pytest.raises(DatabaseBusyError), engine.writer(brief):
                pass


ALL = "select name, value from duckdb_settings() where name <> 'schema'"


def test_what_one_file_sets_is_not_there_for_the_next(settings: Settings, tmp_path: Path) -> None:
    """The zone, the order of rows, whether statistics are trusted: all that is set."""
    canonical = tmp_path / "canonical.parquet"
    duckdb.sql(
        "copy (select 'x' as exchange, 's' as symbol, timestamp '2024-01-02' as timestamp,"
        f" 1.5::decimal(28, 10) as last_price) to '{canonical}'"
    )
    with Engine(settings) as engine:

        def found() -> list[list[Any]]:
            with engine.session() as reading:
                seen = [reading.sql(ALL).fetchall()]
            with engine.writer(settings) as writing:
                return [*seen, writing.sql(ALL).fetchall()]

        land_files(settings, "ticks", [tick(tmp_path, 1)], engine=engine)
        engine.close()
        fresh = found()
        for path in (tick(tmp_path, 2), canonical):
            (result,) = land_files(settings, "ticks", [path], engine=engine)
            assert result.state == "landed"
            assert found() == fresh


# A process each, and none of them asks for the name.
@pytest.mark.parametrize("settings", ["trading"], indirect=True)
def test_the_machines_zone_moves_no_time(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "zoned.parquet"
    time = "timestamptz '2024-01-02 00:30:00+00'"
    duckdb.sql(
        f"copy (select 'x' as exchange, 's' as symbol, {time} as timestamp, 1.5 as last_price)"
        f" to '{path}'"
    )
    subprocess.run(
        [sys.executable, "-m", "python_ingest", "land", "ticks", str(path), str(path)],
        env={
            **os.environ,
            "TZ": "America/New_York",
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_PATH": str(settings.database_path),
        },
        check=True,
    )
    with open_writer(settings) as connection:
        found = connection.sql("select timestamp from raw.market_ticks").fetchall()
    assert found == [(datetime(2024, 1, 2, 0, 30),)]


def test_another_one_is_started_after_an_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(connection: duckdb.DuckDBPyConnection, *arguments: Any) -> None:
        connection.execute("create temp table left_open as select 1; begin")
        raise duckdb.FatalException("broken")

    with Engine(settings) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(land, "land_segment", breaks)
            (result,) = land_files(settings, "ticks", [tick(tmp_path, 1)], engine=engine)
            assert result.state == "failed"
        (result,) = land_files(settings, "ticks", [tick(tmp_path, 2)], engine=engine)
        assert result.state == "landed"
