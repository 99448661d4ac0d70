"""Work on old days: nothing is computed from a part of a day whose rest lies in the archive."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from python_ingest.archiving import archive as archiving

from .ground import Ground
from .lifecycle import archive_due, bring_back_days
from .news import Row
from .warehouse import NO_TESTS, Warehouse

OLD = "2024-03-09"
NOW = "2024-09-01 00:00:00"  # ticks of the old day may leave for Parquet, and for the archive
MINUTE = f"{OLD} 10:00"


def tick(at: str, number: int, price: str, symbol: str = "X") -> Row:
    return {
        "exchange": "prop", "symbol": symbol, "timestamp": at, "trade_id": str(number),
        "last_price": price, "last_size": "1",
    }  # fmt: skip


FIRST = [tick(f"{MINUTE}:01", 1, "10"), tick(f"{MINUTE}:02", 2, "11"), tick(f"{OLD} 10:05", 3, "9")]
LATE = tick(f"{MINUTE}:30", 4, "15")
NEWEST = tick("2024-08-31 12:00", 5, "20")


def correction(number: int, **what: Any) -> Row:
    named = {"exchange": "prop", "symbol": "X", "trade_id": str(number)}
    return {**named, "timestamp": "2024-08-31 13:00", **what}


def built(warehouse: Warehouse) -> str:
    done = warehouse.build(*NO_TESTS)
    assert not done.code, done.why
    return done.printed


def minute(warehouse: Warehouse, timeframe: str = "1m") -> list[tuple[Any, ...]]:
    """What the bars that begin the old day's series say: close, trades."""
    return warehouse.rows(
        "select close::double, trade_count from ohlcv_bars"
        " where symbol = 'X' and timeframe = ? and timestamp < '2024-03-10'"
        " order by timestamp limit 1",
        timeframe,
    )


def archived(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select distinct relation, date from raw.cold_files where state = 'archived' order by all"
    )


@pytest.fixture(scope="module")
def exported(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """An old day whose ticks lie in Parquet, and a new one."""
    warehouse = ground.start(tmp_path_factory.mktemp("exported") / "data", built=False)
    warehouse.land("ticks", [*FIRST, NEWEST])
    warehouse.as_of = NOW
    built(warehouse)
    assert minute(warehouse) == [(11, 2)]
    return warehouse


@pytest.fixture
def warehouse(exported: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy that the test may change."""
    return exported.copy(tmp_path / "data")


def test_a_day_with_pending_work_is_not_archived(warehouse: Warehouse) -> None:
    warehouse.land("ticks", [LATE])
    archive_due(warehouse)
    built(warehouse)
    assert minute(warehouse) == [(15, 3)]
    assert minute(warehouse, "1d") == [(9, 4)]
    archive_due(warehouse)
    assert ("market_ticks", date.fromisoformat(OLD)) in archived(warehouse)
    built(warehouse)


def test_a_tick_that_lands_during_an_upload_keeps_its_day(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = archiving._put
    late = [LATE]

    def land_meanwhile(*arguments: Any) -> None:
        upload(*arguments)
        if late:
            warehouse.land("ticks", [late.pop()])

    monkeypatch.setattr(archiving, "_put", land_meanwhile)
    archive_due(warehouse)
    assert not late
    assert ("market_ticks", date.fromisoformat(OLD)) not in archived(warehouse)
    built(warehouse)
    assert minute(warehouse) == [(15, 3)]


def test_a_minute_of_an_archived_day_waits_for_it(warehouse: Warehouse) -> None:
    """As a warehouse of an earlier version left it: landed, then archived, then built."""
    warehouse.land("ticks", [LATE])
    archive_due(warehouse, also_pending=True)
    assert f"ingest archive restore market_ticks {OLD} {OLD}" in built(warehouse)
    bring_back_days(warehouse, "ohlcv_bars", OLD)
    assert minute(warehouse) == [(11, 2)]
    assert f"ingest archive restore market_ticks {OLD} {OLD}" in built(warehouse)  # still
    bring_back_days(warehouse, "market_ticks", OLD)
    assert "archive restore" not in built(warehouse)
    assert minute(warehouse) == [(15, 3)]
    assert minute(warehouse, "1d") == [(9, 4)]


def test_a_bust_of_an_archived_tick_waits_for_its_day(warehouse: Warehouse) -> None:
    archive_due(warehouse)
    warehouse.land("corrections", [correction(2, action="bust")])
    assert f"ingest archive restore market_ticks {OLD} {OLD}" in built(warehouse)
    bring_back_days(warehouse, "ohlcv_bars", OLD)
    assert minute(warehouse) == [(11, 2)]
    assert f"ingest archive restore market_ticks {OLD} {OLD}" in built(warehouse)
    bring_back_days(warehouse, "market_ticks", OLD)
    assert "archive restore" not in built(warehouse)
    assert minute(warehouse) == [(10, 1)]


def test_a_correction_does_not_mean_an_older_tick_while_its_own_is_away(
    warehouse: Warehouse,
) -> None:
    """Ids begin anew each day; the day before is readable, the day that is meant is not."""
    warehouse.land("ticks", [tick("2024-03-08 10:00", 2, "30")])
    built(warehouse)
    archive_due(warehouse)
    bring_back_days(warehouse, "market_ticks", "2024-03-08")
    warehouse.land("corrections", [correction(2, action="bust", timestamp=f"{OLD} 11:00")])
    assert f"ingest archive restore market_ticks {OLD} {OLD}" in built(warehouse)
    busted = "select timestamp, last_price from market_ticks where is_busted"
    assert warehouse.rows(busted) == []
    bring_back_days(warehouse, "market_ticks", OLD)
    built(warehouse)
    assert warehouse.rows(busted) == [(datetime(2024, 3, 9, 10, 0, 2), 11)]


def test_a_second_correction_of_an_archived_tick_waits(warehouse: Warehouse) -> None:
    warehouse.land("corrections", [correction(2, action="correct", corrected_price="12")])
    built(warehouse)
    assert minute(warehouse) == [(12, 2)]
    archive_due(warehouse)
    later = {"timestamp": "2024-08-31 14:00"}
    warehouse.land("corrections", [correction(2, action="correct", corrected_price="13", **later)])
    assert f"ingest archive restore market_ticks {OLD} {OLD}" in built(warehouse)
    bring_back_days(warehouse, "ohlcv_bars", OLD)
    assert minute(warehouse) == [(12, 2)]
    bring_back_days(warehouse, "market_ticks", OLD)
    built(warehouse)
    assert minute(warehouse) == [(13, 2)]


def test_a_bar_of_an_archived_day_waits_for_the_version_that_it_replaces(
    warehouse: Warehouse,
) -> None:
    archive_due(warehouse)
    bring_back_days(warehouse, "market_ticks", OLD)
    warehouse.land("ticks", [LATE])
    assert f"ingest archive restore ohlcv_bars {OLD} {OLD}" in built(warehouse)
    bring_back_days(warehouse, "ohlcv_bars", OLD)
    assert minute(warehouse) == [(11, 2)]
    built(warehouse)
    assert minute(warehouse) == [(15, 3)]
    assert warehouse.rows(
        "select close::double, trade_count from ohlcv_bar_revisions where timeframe = '1m'"
    ) == [(11, 2)]
