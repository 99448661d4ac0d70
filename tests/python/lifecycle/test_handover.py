"""An export holds every tick once, wherever it lies, in types that Spark reads."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from testkit import ask, land_text, new_database, register_cold_file

from python_ingest.errors import ExportError
from python_ingest.settings import Settings
from python_ingest.spark import command
from python_ingest.spark.handover import Handover, current_folder, hand_over


def _execute(settings: Settings, sql: str) -> None:
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute(sql)


def _land(settings: Settings, batch: int, first: int, last: int, price: float = 1.5) -> None:
    """Land ticks of two symbols, four a day from 9 March 2024."""
    rows = [
        {
            "exchange": "x", "symbol": f"../S{i % 2}", "trade_id": f"{batch}-{i}",
            "timestamp": str(datetime(2024, 3, 9) + timedelta(hours=6 * i)), "last_price": price,
            "conditions": ["@"], "correlation_id": str(uuid4()), "source": "rest",
        }
        for i in range(first, last)
    ]  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    result = land_text(settings, "ticks", settings.data_dir / "given" / f"{batch}.ndjson", text)
    assert (result.batch_id, result.landed) == (batch, len(rows)), result


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    new_database(settings)
    _land(settings, 1, 0, 10)
    return settings


def _files(done: Handover) -> dict[str, int]:
    """Files with rows by name below the export, each with its inode."""
    return {
        str(path.relative_to(done.folder)): path.stat().st_ino
        for path in done.folder.glob("market_ticks/**/*.parquet")
        if path.name != "none.parquet"
    }


def _rows(done: Handover, columns: str) -> list[tuple[object, ...]]:
    files = f"{done.folder}/market_ticks/**/*.parquet"
    return duckdb.execute(f"select {columns} from '{files}' order by all").fetchall()


def test_warm_ticks_are_there_once_with_their_day(warehouse: Settings) -> None:
    done = hand_over(warehouse)
    expected = ask(
        warehouse,
        "select tick_id, timestamp::date, correlation_id::varchar from raw.market_ticks order by 1",
    )
    assert done.ticks == 10
    assert _rows(done, "tick_id, date, correlation_id") == expected
    assert current_folder(warehouse.data_dir / "export") == done.folder


def test_a_long_export_says_how_far_it_is(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int]] = []

    @contextmanager
    def progress(title: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
        assert (title, quiet) == ("exporting", True)
        yield lambda *step: told.append(step)

    monkeypatch.setattr(command, "progress", progress)
    monkeypatch.setattr(command, "load_settings", lambda: warehouse)
    command.export()
    days = len(list((warehouse.data_dir / "export").rglob("date=2*")))
    assert [(done, total) for _, done, total in told] == [(n + 1, days) for n in range(days)] != []


def test_only_changed_days_are_written_again(warehouse: Settings) -> None:
    first = _files(hand_over(warehouse))
    _land(warehouse, 2, 4, 5)  # 10 March
    second = _files(hand_over(warehouse))
    kept = {name: inode for name, inode in first.items() if second.get(name) == inode}
    assert len(kept) == len(first) - 1
    assert next(name for name in first if name not in kept).split("/")[1] == "date=2024-03-10"


def test_a_day_of_a_database_that_was_restored_is_written_again(warehouse: Settings) -> None:
    """Its next batch has the number, and as many rows, as one that is gone, but other prices."""
    for price in (1.5, 2.5):
        _execute(warehouse, "delete from raw.market_ticks where batch_id = 2")
        _execute(warehouse, "delete from raw.landings where batch_id = 2")
        _land(warehouse, 2, 4, 5, price)
        assert (price,) in _rows(hand_over(warehouse), "last_price::double")


def test_ticks_that_an_upgrade_changed_are_written_again(warehouse: Settings) -> None:
    hand_over(warehouse)
    _execute(warehouse, "update raw.market_ticks set symbol = 'NEW'")
    _execute(warehouse, "update raw.schema_versions set version = version + 1")
    assert set(_rows(hand_over(warehouse), "symbol")) == {("NEW",)}


def test_days_that_were_exported_before_ticks_had_a_column_are_read_with_it(
    warehouse: Settings,
) -> None:
    """Spark merges the files' columns, and a day that did not change is linked as it was."""
    _execute(warehouse, "alter table raw.market_ticks drop column place")
    hand_over(warehouse)
    _execute(warehouse, "alter table raw.market_ticks add column place integer")
    done = hand_over(warehouse)
    files = f"read_parquet('{done.folder}/market_ticks/**/*.parquet', union_by_name = true)"
    assert duckdb.execute(f"select count(*), count(place) from {files}").fetchall() == [(10, 0)]


def test_an_empty_warehouse_has_typed_files(settings: Settings) -> None:
    done = hand_over(new_database(settings))
    assert done.ticks == 0
    assert _rows(done, "tick_id, last_price, conditions") == []


def test_what_no_build_on_spark_follows_has_columns_and_no_rows(warehouse: Settings) -> None:
    _execute(warehouse, "insert into state.chains values ('ticks', 1, 1, null)")
    chains = f"'{hand_over(warehouse).folder}/chains/*.parquet'"
    columns = [row[0] for row in duckdb.execute(f"describe from {chains}").fetchall()]
    assert columns == ["chain", "batch_id", "run_number", "valued_until"]
    assert duckdb.execute(f"from {chains}").fetchall() == []


def test_old_exports_go_but_the_one_before(warehouse: Settings) -> None:
    folders = [hand_over(warehouse).folder for _ in range(3)]
    assert [folder.exists() for folder in folders] == [False, True, True]


def test_a_failed_export_leaves_the_one_before(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = hand_over(warehouse)
    monkeypatch.setattr("python_ingest.spark.handover.SMALL_TABLES", ("no_such_table",))
    with pytest.raises(duckdb.Error):
        hand_over(warehouse)
    root = warehouse.data_dir / "export"
    assert current_folder(root) == done.folder
    assert [path.name for path in root.glob("[0-9]*")] == [done.folder.name]


def test_a_type_that_spark_cannot_read_is_named(warehouse: Settings) -> None:
    path = Path("cold/market_ticks/date=2024-03-01/odd.parquet")
    file = warehouse.data_dir / path
    file.parent.mkdir(parents=True)
    duckdb.execute(f"copy (select uuid() as correlation_id) to '{file}'")
    with duckdb.connect(str(warehouse.database_path)) as connection:
        said = {"path": str(path), "state": "local"}
        register_cold_file(connection, "market_ticks", "2024-03-01", **said)
    with pytest.raises(ExportError, match=r"odd\.parquet: column correlation_id is UUID"):
        hand_over(warehouse)
