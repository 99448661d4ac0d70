"""Time passes: retention and archive take what is old, and rows of old days still come.

In every step something lands (also late, busts and corrections of what left long ago), a build and
all its data tests run, days leave for the archive, and some come back. When all days are back,
every mart equals a full refresh.
"""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from python_ingest.landing.land import land_pending

from .compare import against_a_full_refresh
from .ground import Ground
from .lifecycle import archive_due, bring_back_days
from .never_rebuilt import broken, complete_bars, not_revised
from .news import Row
from .warehouse import NO_TESTS, NO_UNIT_TESTS, Warehouse

BEGIN = datetime(2023, 1, 2)
SERIES = (("alpaca", "S0"), ("binance", "S1"), ("prop", "X"), ("fx", "EURUSD"))
TRADED = SERIES[:3]
STRATEGIES = ("slow", "fast")
RELATIONS = ("market_ticks", "ohlcv_bars", "orders", "trades", "positions", "portfolio_snapshots")
ARCHIVED = "select relation, min(date), max(date) from cold_files where state = 'archived'"


class Years:
    """What lands while time passes; `number` decides everything."""

    def __init__(self, number: int, warehouse: Warehouse) -> None:
        self._random = random.Random(number)  # noqa: S311
        self._warehouse = warehouse
        self._held = {(*series, who): 0 for series in TRADED for who in STRATEGIES}
        self._ticks: list[Row] = []
        self._fills: list[Row] = []
        self._numbers = 0

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _between(self, first: datetime, last: datetime) -> str:
        seconds = self._random.randrange(int((last - first).total_seconds()))
        return str(first + timedelta(seconds=seconds))

    def _tick(self, first: datetime, last: datetime, series: tuple[str, str]) -> Row:
        return {
            "exchange": series[0], "symbol": series[1], "timestamp": self._between(first, last),
            "last_price": str(self._random.randint(90, 110)), "last_size": "1",
            "trade_id": str(self._number()),
        }  # fmt: skip

    def _order(self, first: datetime, last: datetime) -> list[Row]:
        """An order and its fill: half of them close what is held."""
        exchange, symbol, strategy = key = self._random.choice(sorted(self._held))
        number, at = self._number(), self._between(first, last)
        held = self._held[key]
        size = -held if held and self._random.random() < 0.6 else self._random.choice([-2, 1, 3])
        self._held[key] += size
        order = {
            "exchange": exchange, "symbol": symbol, "strategy_id": strategy, "event_time": at,
            "order_id": f"o{number}", "client_order_id": f"c{number}", "order_type": "limit",
            "side": "buy" if size > 0 else "sell", "quantity": str(abs(size)),
        }  # fmt: skip
        fill = {
            **order, "event_id": f"f{number}", "event_type": "fill", "trade_id": f"t{number}",
            "fill_quantity": str(abs(size)), "fill_price": str(self._random.randint(90, 110)),
            "commission": "0.5", "commission_currency": self._random.choice(["USD", "EUR"]),
        }  # fmt: skip
        self._fills.append(fill)
        return [{**order, "event_id": f"n{number}", "event_type": "created"}, fill]

    def land(self, first: datetime, last: datetime) -> None:
        """What happens between two times, and something that belongs to earlier ones."""
        land, rng = self._warehouse.land, self._random
        ticks = [self._tick(first, last, series) for series in TRADED for _ in range(2)]
        ticks += [self._tick(first, last, SERIES[3])] if rng.random() < 0.3 else []
        orders = max(1, (last - first).days // 10)
        events = [event for _ in range(orders) for event in self._order(first, last)]
        if first > BEGIN:
            ticks += [self._tick(BEGIN, first, rng.choice(SERIES)) for _ in range(2)]
            ticks += [{**rng.choice(self._ticks), "source": "rest"}]
            events += self._order(BEGIN, first)
            busted = rng.choice(self._fills)
            kept = ("exchange", "symbol", "order_id", "client_order_id", "side", "trade_id")
            events.append(
                {
                    **{name: busted[name] for name in kept}, "event_id": f"b{self._number()}",
                    "event_type": "trade_bust", "event_time": str(last),
                }
            )  # fmt: skip
            tick = rng.choice(self._ticks)
            corrected = {name: tick[name] for name in ("exchange", "symbol", "trade_id")}
            how: Row = rng.choice(
                [{"action": "bust"}, {"action": "correct", "corrected_price": "99"}]
            )
            land("corrections", [{**corrected, **how, "timestamp": str(last)}])
        self._ticks += ticks
        land("ticks", ticks)
        land("orders", events)
        if first == BEGIN:
            cash = {"event_id": "c0", "kind": "deposit", "amount": "100000", "currency": "USD"}
            land("cash", [{**cash, "event_time": str(first)}])

    def bring_some_back(self) -> None:
        """A few archived days of one relation, as a person brings them back for a question."""
        archived = self._warehouse.rows(
            "select distinct relation, date from cold_files where state = 'archived' order by all"
        )
        if archived:
            relation, day = self._random.choice(archived)
            bring_back_days(self._warehouse, relation, str(day), str(day + timedelta(days=20)))
            land_pending(self._warehouse.ingest)


def compiled_tests(warehouse: Warehouse) -> dict[str, str]:
    """The SQL of every data test that may stop a build, over all days, by name."""
    done = warehouse.dbt("compile", "--full-refresh", "--select", "resource_type:test")
    assert not done.code, done.why
    folder = warehouse.data_dir / "target" / "compiled"
    files = {path.stem: path for path in folder.rglob("*.sql")}
    return {
        node["name"]: files[node["name"]].read_text(encoding="utf-8")
        for node in warehouse.zygote.nodes
        if node["type"] == "test" and node["severity"] == "error" and node["name"] in files
    }


def failures(warehouse: Warehouse, tests: dict[str, str]) -> list[str]:
    """The data tests that find something, with the first rows."""
    with warehouse.reader() as connection:
        found = {name: connection.execute(query).fetchmany(3) for name, query in tests.items()}
    return [f"{name}: {rows}" for name, rows in found.items() if rows]


def let_pass(
    warehouse: Warehouse, years: Years, steps: list[timedelta], *how: str, tested: int = 0
) -> dict[str, str]:
    """Land, build, test and archive, step by step; `how`: what a step builds, the first has all.

    Each step runs every data test over all days. In every `tested`th step dbt runs them too, as a
    build has them. Returns the data tests.
    """
    tests: dict[str, str] = {}
    until = BEGIN
    for number, step in enumerate(steps):
        first, until = until, until + step
        years.land(first, until)
        warehouse.as_of = str(until)
        if number % 3 == 2:
            years.bring_some_back()
        before = complete_bars(warehouse)
        by_dbt = bool(tested and number and number % tested == 0)
        done = warehouse.build(*(how if number else ()), *(NO_UNIT_TESTS if by_dbt else NO_TESTS))
        lines = [done.why] if done.code else not_revised(warehouse, before)
        tests = tests or compiled_tests(warehouse)
        lines += failures(warehouse, tests)
        assert not lines, "\n".join([f"step {number}", *lines, "", *warehouse.typed()[-30:]])
        archive_due(warehouse)
    return tests


def all_comes_back(warehouse: Warehouse, work: Path, tests: dict[str, str]) -> None:
    """Bring every day back, build, and compare with a full refresh."""
    archived = warehouse.rows(f"{ARCHIVED} group by relation")
    assert {relation for relation, *_ in archived} == set(RELATIONS)
    for relation, first, last in archived:
        bring_back_days(warehouse, relation, str(first), str(last))
    land_pending(warehouse.ingest)
    done = warehouse.build(*NO_TESTS)
    lines = [f"the last build failed:\n{done.why}"] if done.code else failures(warehouse, tests)
    assert warehouse.rows("from state.waiting_regions") == []
    assert list((warehouse.data_dir / "spool" / "waiting").glob("*")) == []
    lines += against_a_full_refresh(warehouse, work)
    lines += broken(warehouse)
    assert not lines, "\n".join([*lines, "", *warehouse.typed()[-30:]])


def walk_through(
    ground: Ground, work: Path, number: int, steps: list[timedelta], *how: str, tested: int = 0
) -> None:
    warehouse = ground.start(work / "data", built=False)
    warehouse.settings["position_mark_interval"] = "12 hours"
    tests = let_pass(warehouse, Years(number, warehouse), steps, *how, tested=tested)
    all_comes_back(warehouse, work, tests)


def test_a_year_in_months(ground: Ground, tmp_path: Path) -> None:
    """No day is archived in the first quarter; views stay as the first build has them."""
    month = timedelta(days=30)
    stored = [f"config.materialized:{kind}" for kind in ("incremental", "table", "cold_export")]
    walk_through(ground, tmp_path, 1, [3 * month, *[month] * 12], "--select", *stored)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_three_years_in_weeks(number: int, ground: Ground, tmp_path: Path) -> None:
    walk_through(ground, tmp_path, number, [timedelta(days=7)] * 156, tested=4)
