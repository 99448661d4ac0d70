"""A command that builds a part, then a whole build: nothing is lost, whatever the part was.

The ground is a built warehouse; ticks in old and new minutes, a symbol, a bust, fills of the past
and cash land; then comes the command, then one whole build, then the comparison with a full
refresh of the same rows.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from .compare import differences
from .ground import BASE_SEED, GIVEN, Ground
from .never_rebuilt import complete_bars, not_revised
from .news import START, Desk, Row
from .warehouse import NO_TESTS, Warehouse

# These lost rows before a build restated what was touched since the last whole one: one of a kind
# in every run.
LOST = [
    "build --select ohlcv_bars_warm+",  # README, "Use"
    "build --exclude int_minute_bars",
    "run --select int_minute_bars",
    "run --full-refresh --empty --select int_fills",
]
LOST_ALIKE = [
    "build --select marts.market",
    "run --full-refresh --select ohlcv_bars_warm",
    "run --select int_minute_bars+",
    "run --full-refresh --select int_minute_bars",
    "run --full-refresh --empty --select int_minute_bars",
]
KEPT = [
    "build --select int_minute_bars_daily int_latest_ticks",
    "build --select int_tick_amendments",
    "build --select int_minute_bars",
    "build --select marts.trading",
    "build --select int_fills",
    "build --select int_fills+",
    "build --select int_position_states int_position_valuations",
    "build --exclude int_fills",
    "build --exclude int_positions_to_restate int_valuations_to_restate",
    "build --exclude marts.trading",
    "run --full-refresh --select int_fills",
    "run --full-refresh --select orders_warm",
    "run --full-refresh --select positions_warm",
    "run --full-refresh --select int_position_states",
    "run --empty",
    "build --empty",
    "build --sample 1_day",
    "build --event-time-start 2024-03-09 --event-time-end 2024-03-10",
    "compile",
    "test --exclude-resource-type unit_test",
    "retry",
    "seed",
    "snapshot",
]


def _tick(symbol: str, minutes: float, number: int, price: str) -> Row:
    at = str(START + timedelta(minutes=minutes))
    tick = {"exchange": "prop", "symbol": symbol, "timestamp": at, "trade_id": str(number)}
    return {**tick, "last_price": price, "last_size": "3"}


def land_news(warehouse: Warehouse) -> None:
    """Land what the commands then find, or do not find."""
    new_symbol = [_tick("NEW", at, 1000 + number, "5") for number, at in enumerate((0, 0.5, 1))]
    late = [_tick("X", at, 2000 + number, "99") for number, at in enumerate((0.9, 30, 61, 1500))]
    warehouse.land("ticks", [*new_symbol, *late])
    bust = {"exchange": "prop", "symbol": "X", "trade_id": "3", "action": "bust"}
    warehouse.land("corrections", [{**bust, "timestamp": str(START + timedelta(hours=2))}])
    desk = Desk(BASE_SEED)
    desk.events(GIVEN)
    desk.ticks(GIVEN)
    warehouse.land("orders", desk.events(30))
    warehouse.land("ticks", desk.ticks(30))
    cash = {"event_id": "c1", "kind": "deposit", "amount": "500", "currency": "USD"}
    warehouse.land("cash", [{**cash, "event_time": str(START + timedelta(hours=1))}])


@dataclass
class Landed:
    """The ground and the news, nothing of which is built; and the same refreshed."""

    warehouse: Warehouse
    refreshed: Warehouse


@pytest.fixture(scope="module")
def landed(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    work = tmp_path_factory.mktemp("partial")
    warehouse = ground.start(work / "landed")
    warehouse.as_of = "2024-03-12 00:00:00"
    land_news(warehouse)
    refreshed = warehouse.copy(work / "refreshed")
    done = refreshed.build("--full-refresh", *NO_TESTS)
    assert not done.code, done.why
    yield Landed(warehouse, refreshed)
    shutil.rmtree(work)


@pytest.mark.parametrize(
    "command",
    [*LOST, *(pytest.param(one, marks=pytest.mark.slow) for one in (*LOST_ALIKE, *KEPT))],
)
def test_nothing_is_lost(command: str, landed: Landed, tmp_path: Path) -> None:
    warehouse = landed.warehouse.copy(tmp_path / "data")
    before = complete_bars(warehouse)
    arguments = [word.replace("1_day", "1 day") for word in command.split()]
    done = warehouse.dbt(*arguments, *(NO_TESTS if arguments[0] == "build" else ()))
    lines = not_revised(warehouse, before)
    warehouse.obey(done)
    before = complete_bars(warehouse)
    done = warehouse.build(*NO_TESTS)
    lines += not_revised(warehouse, before)
    lines += [f"the whole build failed:\n{done.why}"] if done.code else []
    lines += differences(warehouse, landed.refreshed, tmp_path)
    assert not lines, "\n".join([*lines, "", *warehouse.typed()])
