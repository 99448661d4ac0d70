"""Any arrival order and any split into builds gives the rows of one full refresh.

Hypothesis makes the cases; each is a symbol of its own, so that one sequence of builds serves them
all: part k of every case is landed before build k.
"""

import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.values import content_hash

from .conftest import Warehouse

BUILDS = 3
# Before the wall clock, so that completeness is decided by the ticks.
AS_OF = ("--vars", '{"as_of": "2024-03-10 12:00:00"}')
START = datetime(2024, 3, 10, 4, 58)  # around midnight in New York, on a day of 23 hours
BARS = "select * exclude (built_at, built_batch_id) from ohlcv_bars order by all"

times = st.tuples(
    st.sampled_from([0, 1, 2, 61, 119, 120, 121, 200, 86400]),
    st.sampled_from([0, 0, 999_000, 999_999]),
).map(lambda t: START + timedelta(minutes=t[0], microseconds=t[1]))
prices = st.sampled_from(
    [Decimal(p) for p in ("10", "10.00000001", "9.5", "11", "0", "-3", "0.33333333")]
)
sizes = st.sampled_from([None, *map(Decimal, ("0", "1", "0.00000001", "7.7", "9999999999"))])
ticks = st.fixed_dictionaries(
    {
        "timestamp": times,
        "nanoseconds": st.sampled_from([0, 0, 0, 1, 999]),
        # Of a trade with an id: told again by a clock of microseconds, or of milliseconds.
        "told_again": st.sampled_from([None, None, None, "us", "ms"]),
        "kind": st.sampled_from(["trade", "trade", "trade", "agg", "quote"]),
        "venue": st.sampled_from([None, "N"]),
        "last_price": prices,
        "last_size": sizes,
        "sequence_number": st.sampled_from([None, 1, 2, 3]),
        "trade_id": st.sampled_from([None, "1", "2", "10", "x"]),
        "conditions": st.sampled_from([None, None, [], ["@"], ["T"], ["Z"], ["@", "I"], ["O"]]),
        "source": st.sampled_from(["websocket", "rest"]),
    }
)
corrections = st.fixed_dictionaries(
    {
        "timestamp": times.map(lambda t: t + timedelta(seconds=1)),
        "venue": st.sampled_from([None, "N"]),
        "trade_id": st.sampled_from(["1", "2", "10"]),
        "action": st.sampled_from(["bust", "correct", "correct"]),
        "corrected_trade_id": st.sampled_from([None, "2", "20"]),
        "corrected_price": st.one_of(st.none(), prices),
        "corrected_size": sizes,
    }
)
cases = st.fixed_dictionaries(
    {
        "exchange": st.sampled_from(["prop", "alpaca", "nyse", "fx17"]),
        "ticks": st.lists(ticks, min_size=1, max_size=10),
        "corrections": st.lists(corrections, max_size=3),
        "seed": st.integers(0, 2**32),
    }
)


def _cases(count: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def collect(case: dict[str, Any]) -> None:
        made.append(case)

    collect()
    for number, case in enumerate(made):
        for row in case["ticks"] + case["corrections"]:
            row |= {"exchange": case["exchange"], "symbol": f"S{number:05}"}
        for tick in case["ticks"]:
            tick["tape"] = "C"
            if tick["kind"] == "quote":
                tick |= {"bid_price": tick["last_price"], "last_price": None, "last_size": None}
        case["ticks"] = [row for tick in case["ticks"] for row in _told(tick)]
    return made


def _told(tick: dict[str, Any]) -> list[dict[str, Any]]:
    """The tick, and the same by another clock where there is one; times as texts."""
    at, below, again = (tick.pop(name) for name in ("timestamp", "nanoseconds", "told_again"))
    rows = [tick | {"timestamp": f"{at.isoformat(timespec='microseconds')}{below:03}"}]
    if tick["trade_id"] and again:
        clock = {"us": "microseconds", "ms": "milliseconds"}[again]
        other = {"websocket": "rest", "rest": "websocket"}[tick["source"]]
        rows.append(tick | {"timestamp": at.isoformat(timespec=clock), "source": other})
    return rows


def _is_unordered(tick: dict[str, Any]) -> bool:
    """Whether the file's order is all that orders it: then it is part of what a case says."""
    return tick["sequence_number"] is None and tick["trade_id"] in (None, "x")


@pytest.fixture(
    scope="module", params=[150, pytest.param(3000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def both_ways(
    request: pytest.FixtureRequest, new_warehouse: Callable[[], Warehouse]
) -> tuple[Warehouse, Warehouse]:
    """(built bit by bit in a random order, built at once in another one)."""
    made = _cases(request.param)
    bits, whole = new_warehouse(), new_warehouse()
    arriving: dict[int, list[dict[str, Any]]] = defaultdict(list)
    correcting: dict[int, list[dict[str, Any]]] = defaultdict(list)
    unordered: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for case in made:
        chance = random.Random(case["seed"])  # noqa: S311
        nameless = chance.randrange(BUILDS)  # in one file: equal ones of two are one tick
        for tick in case["ticks"]:
            if _is_unordered(tick):
                unordered[nameless].append(tick)
                if tick["trade_id"] and nameless + 1 < BUILDS:
                    unordered[nameless + 1].append(tick)
            elif tick["trade_id"]:
                for _ in range(2):  # sent again: no new tick
                    arriving[chance.randrange(BUILDS)].append(tick)
            else:
                arriving[nameless].append(tick)
        for correction in case["corrections"]:
            correcting[chance.randrange(BUILDS)].append(correction)
    for build in range(BUILDS):
        random.Random(build).shuffle(arriving[build])  # noqa: S311
        bits.land_rows("ticks", arriving[build] + unordered[build])
        bits.land_rows("corrections", correcting[build])
        bits.build(*AS_OF)
    whole.land_rows("corrections", [row for case in reversed(made) for row in case["corrections"]])
    rows = [row for case in reversed(made) for row in reversed(case["ticks"])]
    ordered = [row for row in rows if not _is_unordered(row)]
    whole.land_rows("ticks", ordered + [row for row in reversed(rows) if _is_unordered(row)])
    whole.build(*AS_OF)
    bits.dbt("compile", "--select", "path:tests/invariants", *AS_OF)
    return bits, whole


def test_bit_by_bit_equals_at_once(both_ways: tuple[Warehouse, Warehouse]) -> None:
    bits, whole = both_ways
    built, expected = bits.rows(BARS), whole.rows(BARS)
    assert len(expected) > 500
    assert [row for row in built if row not in set(expected)] == []
    assert built == expected
    ids = "tick_id, batch_id, ingestion_time, source"
    for relation in ("latest_ticks", "tick_gaps", f"(select * exclude ({ids}) from market_ticks)"):
        query = f"select * from {relation} order by all"
        assert bits.rows(query) == whole.rows(query), relation
    # Months of empty minutes: too many rows to fetch, and of many cases too many to make.
    filled = "select count(*), sum(hash(filled)::hugeint) from ohlcv_bars_filled as filled"
    timeframes = ["1m", "5m", "15m", "1h", "1d"] if len(expected) < 10_000 else ["1h", "1d"]
    query = f"{filled} where timeframe in {tuple(timeframes)}"
    assert bits.rows(query) == whole.rows(query)


def test_full_refresh_changes_nothing(both_ways: tuple[Warehouse, Warehouse]) -> None:
    bits, _ = both_ways
    built = bits.rows(BARS)
    revisions = bits.rows("select * from ohlcv_bar_revisions order by all")
    bits.build("--full-refresh", *AS_OF)
    assert bits.rows(BARS) == built
    assert bits.rows("select * from ohlcv_bar_revisions order by all") == revisions


# What makes each of the bars' invariants fail.
SPOILED = {
    "bar_prices_are_ordered": "update warm.ohlcv_bars_warm set low = close + 1",
    "bars_add_up": "update warm.ohlcv_bars_warm set volume = volume + 1 where timeframe = '1d'",
    "no_bar_without_a_tick": (
        # To a second in which no step begins, in the days that the test looks at.
        "update warm.ohlcv_bars_warm set timestamp = timestamp + interval 1 second"
        " where timeframe = '1m'"
    ),
    "vwap_lies_between_low_and_high": "update warm.ohlcv_bars_warm set vwap = high + 1",
    "day_volume_equals_its_ticks": "update intermediate.int_minute_bars set volume = volume + 1",
}


@pytest.mark.parametrize("name", SPOILED)
def test_invariants_hold_and_would_notice(
    both_ways: tuple[Warehouse, Warehouse], name: str, tmp_path: Path
) -> None:
    """Each singular test in tests/invariants, as compiled by dbt, finds no row, then some."""
    bits, _ = both_ways
    (compiled,) = (bits.data_dir / "target" / "compiled").rglob(f"{name}.sql")
    spoiled = Warehouse(tmp_path, bits.project)
    shutil.copy(bits.path, spoiled.path)
    assert spoiled.rows(compiled.read_text()) == []
    with spoiled.connect() as connection:
        connection.execute(SPOILED[name])
    assert spoiled.rows(compiled.read_text()) != []


def _order(tick: dict[str, Any]) -> tuple[Any, ...]:
    number = tick["trade_id"] if str(tick["trade_id"]).isdigit() else None
    return (
        tick["timestamp"],
        tick["nanoseconds"] or 0,
        tick["sequence_number"] is None,
        tick["sequence_number"] or 0,
        number is None,
        int(number or 0),
        tick["place"] is None,
        tick["place"] or 0,
        tick["last_price"],
        tick["last_size"] or 0,
    )


def _minute_bar(ticks: list[dict[str, Any]]) -> tuple[Any, ...] | None:
    """A 1m bar by the words of the design, in plain Python."""

    def has(tick: dict[str, Any], *codes: str) -> bool:
        return bool(set(tick["conditions"] or []) & set(codes))

    ordered = sorted(ticks, key=_order)
    last = [t for t in ordered if not has(t, "I")]
    if not last:
        return None
    firm = [t["last_price"] for t in last if not has(t, "Z")]
    opened = last[0]["last_price"]
    close = firm[-1] if firm else opened
    size = sum((Fraction(t["last_size"] or 0) for t in ordered), Fraction(0))
    notional = sum(
        (Fraction(t["last_price"]) * Fraction(t["last_size"] or 0) for t in ordered), Fraction(0)
    )
    vwap = None
    if size:
        units = abs(notional / size) * 10**8
        whole = units.numerator // units.denominator
        whole += 2 * (units - whole) >= 1
        vwap = Decimal(whole if notional >= 0 else -whole).scaleb(-8)
    able = [t["last_price"] for t in last]
    return opened, max(able), min(able), close, size, vwap, len(ordered)


def test_a_disputed_tick_has_the_hash_that_landing_gave_it(
    both_ways: tuple[Warehouse, Warehouse],
) -> None:
    _, whole = both_ways
    (found,) = whole.rows(f"""
        select count(*), count_if(disputed.content_hash = ticks.content_hash)
        from intermediate.int_disputed_ticks as disputed
        join (select tick_id, {content_hash(TICKS)} as content_hash from raw.market_ticks) as ticks
            using (tick_id)
    """)
    assert found[0] > 0
    assert found[0] == found[1]


def test_minutes_equal_plain_python(both_ways: tuple[Warehouse, Warehouse]) -> None:
    _, whole = both_ways
    names = (
        "exchange, symbol, kind, timestamp, nanoseconds, last_price, last_size, sequence_number,"
        " trade_id, place, conditions"
    )
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    kinds: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for row in whole.rows(f"select {names}, is_busted from intermediate.int_market_ticks"):
        tick = dict(zip([*names.split(", "), "is_busted"], row, strict=True))
        if tick["kind"] == "quote":
            continue
        # What cannot count outranks no other kind.
        if not tick["is_busted"]:
            kinds[(tick["exchange"], tick["symbol"], tick["timestamp"].date())].add(tick["kind"])
            minute = tick["timestamp"].replace(second=0, microsecond=0)
            groups[(tick["exchange"], tick["symbol"], tick["kind"], minute)].append(tick)
    expected = {}
    for (exchange, symbol, kind, minute), ticks_of in groups.items():
        if kind == "agg" and "trade" in kinds[(exchange, symbol, minute.date())]:
            continue
        bar = _minute_bar(ticks_of)
        if bar:
            expected[(exchange, symbol, minute)] = bar
    built = {
        row[:3]: (*row[3:7], Fraction(row[7]), *row[8:])
        for row in whole.rows(
            "select exchange, symbol, timestamp, open, high, low, close, volume, vwap, trade_count"
            " from ohlcv_bars where timeframe = '1m'"
        )
    }
    assert built == expected
