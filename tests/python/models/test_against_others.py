"""What a SELECT computes, and what somebody else does: of rows that hypothesis makes up."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import selects
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from trading.trading_model import Position, rounded

DAY = datetime(2024, 1, 2)
# The rows are few as they are, and whoever edits a SELECT waits: no smaller example is looked for.
FEW = settings(max_examples=10, deadline=None, phases=[Phase.generate])
prices = st.decimals("0.00000001", "99999", places=8)
sizes = st.decimals("0", "99", places=8)

BAR_TICK = {
    "exchange": "binance", "kind": "trade", "ingestion_time": DAY, "date": DAY.date(),
    "is_auction": False, "differs_daily": False,
}  # fmt: skip
bar_ticks = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from("ABC"),
        # few minutes that several buckets share, and the last of a day
        "minute": st.sampled_from([0, 1, 4, 5, 14, 15, 59, 60, 1439]),
        "microsecond": st.sampled_from([0, 1, 59_999_999]),
        "price": prices,
        "size": sizes,
        "sets_last": st.sampled_from([0, 1, 2]),
        "sets_high_low": st.booleans(),
        "sets_volume": st.booleans(),
    }
)


def expected_bars(ticks: list[dict[str, Any]], minutes: int) -> list[dict[str, Any]]:
    """Bars of ticks in trade order, by polars; vwap by fractions."""
    frame = pl.DataFrame(
        ticks, schema_overrides={"price": pl.Decimal(18, 8), "size": pl.Decimal(18, 8)}
    )
    rows = (
        frame.sort("timestamp", "sequence_number")
        .with_columns(pl.col("timestamp").dt.truncate(f"{minutes}m").alias("bucket"))
        .group_by("symbol", "bucket", maintain_order=True)
        .agg(
            pl.col("price").filter(pl.col("sets_last") > 0).first().alias("open"),
            pl.col("price").filter(pl.col("sets_last") == 2).last().alias("close"),
            pl.col("price").filter("sets_high_low").max().alias("high"),
            pl.col("price").filter("sets_high_low").min().alias("low"),
            pl.col("price").filter("sets_volume").alias("prices"),
            pl.col("size").filter("sets_volume").alias("sizes"),
        )
        .filter(pl.col("open").is_not_null())
        .sort("symbol", "bucket")
        .to_dicts()
    )
    bars = []
    for row in rows:
        close = row["open"] if row["close"] is None else row["close"]
        known = [
            price for price in (row["high"], row["low"], row["open"], close) if price is not None
        ]
        volume = sum(map(Fraction, row["sizes"]))
        notional = sum(
            Fraction(p) * Fraction(s) for p, s in zip(row["prices"], row["sizes"], strict=True)
        )
        bars.append(
            {
                "symbol": row["symbol"],
                "timestamp": row["bucket"],
                "open": row["open"],
                "high": max(known),
                "low": min(known),
                "close": close,
                "volume": Decimal(sum(row["sizes"])),
                "vwap": rounded(notional / volume) if volume else None,
                "trade_count": len(row["sizes"]),
            }
        )
    return bars


@FEW
@given(st.lists(bar_ticks, min_size=1, max_size=60))
def test_ticks_of_any_rules_roll_up_to_polars_bars(made: list[dict[str, Any]]) -> None:
    """Through the minutes, days and timeframes between, as a build rolls them up."""
    ticks = [
        {
            **BAR_TICK,
            **{name: tick[name] for name in tick if name not in ("minute", "microsecond")},
            "timestamp": DAY + timedelta(minutes=tick["minute"], microseconds=tick["microsecond"]),
            "sequence_number": place,
            **{
                f"sets_daily_{rule}": tick[f"sets_{rule}"]
                for rule in ("last", "high_low", "volume")
            },
        }
        for place, tick in enumerate(made)
    ]
    bars = selects.of("ohlcv_bars_warm", {"int_bar_ticks": ticks})
    for timeframe, minutes in {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "1d": 1440}.items():
        expected = expected_bars(ticks, minutes)
        found = [bar for bar in bars if bar["timeframe"] == timeframe]
        found.sort(key=lambda bar: (bar["symbol"], bar["timestamp"]))
        names = expected[0] if expected else ()
        assert [{name: bar[name] for name in names} for bar in found] == expected, timeframe


FEED = {"exchange": "binance", "kind": "trade"}
numbered = st.tuples(st.sampled_from("AB"), st.integers(0, 30) | st.integers(2**63 - 5, 2**63 - 1))


def expected_runs(ticks: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Each unbroken run, with the earliest time of its first and of its last number."""
    runs = set()
    for symbol in "AB":
        times: dict[int, datetime] = {}
        for tick in ticks:
            if tick["symbol"] == symbol:
                number, at = tick["sequence_number"], tick["timestamp"]
                times[number] = min(at, times.get(number, at))
        for _, run in itertools.groupby(
            enumerate(sorted(times)), lambda placed: placed[1] - placed[0]
        ):
            numbers = [number for _, number in run]
            first, last = numbers[0], numbers[-1]
            runs.add((symbol, first, last, times[first], times[last]))
    return runs


def runs_of(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    names = ("symbol", "first_number", "last_number", "first_at", "last_at")
    return {tuple(row[name] for name in names) for row in rows}


@FEW
@given(st.lists(numbered, min_size=1, max_size=40), st.integers(0, 40))
def test_runs_are_the_same_however_they_land(landed: list[tuple[str, int]], division: int) -> None:
    """Built whole, and restated with what landed after the rest was built."""
    ticks = [
        {**FEED, "symbol": symbol, "sequence_number": number, "timestamp": at, "date": at.date()}
        for place, (symbol, number) in enumerate(landed)
        for at in [DAY + timedelta(seconds=place * 7 % 11)]
    ]
    expected = expected_runs(ticks)
    whole = selects.of("int_sequence_runs", {"stg_landed_ticks": ticks})
    assert runs_of(whole) == expected
    before = selects.of("int_sequence_runs", {"stg_landed_ticks": ticks[:division]})
    touched = {tick["symbol"] for tick in ticks[division:]}
    given_rows = {
        "int_sequence_runs": before,
        "stg_landed_ticks": ticks[division:],
        "int_feeds_to_restate": [
            {**FEED, "symbol": tick["symbol"], "minute": tick["timestamp"].replace(second=0)}
            for tick in ticks[division:]
        ],
    }
    restated = selects.of("int_sequence_runs", given_rows, restating=True)
    assert runs_of(restated) == {run for run in expected if run[0] in touched}


fills = st.tuples(
    st.sampled_from("ABC"),
    st.decimals("-9", "9", places=3).filter(bool),
    st.decimals("0.01", "999", places=2),
)


@FEW
@given(st.lists(fills, min_size=1, max_size=40))
def test_an_average_costs_what_fractions_say(made: list[tuple[str, Decimal, Decimal]]) -> None:
    """Of each symbol's own fills, in time's order, from the events to the states of positions."""
    position = {"account_id": "main", "exchange": "x", "strategy_id": "s", "position_side": "net"}
    events, expected, positions = [], [], {symbol: Position() for symbol in "ABC"}
    for place, (symbol, quantity, price) in enumerate(made):
        events.append(
            {
                **position,
                "symbol": symbol,
                "order_id": "o",
                "fill_id": str(place),
                "event_at": DAY + timedelta(hours=place),
                "is_split": False,
                "quantity": quantity,
                "price": price,
                "content_hash": place,
            }
        )
        held = positions[symbol]
        was = held.quantity, held.realized
        held.fill(Fraction(quantity), Fraction(price))
        expected.append(
            {
                "fill_id": str(place),
                "quantity": rounded(held.quantity, 10),
                "average_price": rounded(held.average, 10) if held.quantity else None,
                "realized_pnl": rounded(held.realized, 10),
                "realized_pnl_delta": rounded(held.realized - was[1], 10),
                "opens": held.quantity != 0 and held.quantity * was[0] <= 0,
            }
        )
    states = selects.of("int_position_states", {"int_position_events": events})
    states.sort(key=lambda state: int(state["fill_id"]))
    found = [{name: state[name] for name in expected[0]} for state in states]
    for state in found:
        for money in ("realized_pnl", "realized_pnl_delta"):
            state[money] = rounded(Fraction(state[money]), 10)
    assert found == expected


amounts = st.none() | st.decimals("-9999999", "9999999", places=2) | st.sampled_from([Decimal(0)])
ratios = st.none() | st.decimals("-2", "2", places=8) | st.decimals("-99999", "99999", places=8)
values = st.fixed_dictionaries(
    {
        "equity": amounts,
        "gross_notional": amounts,
        "flow": st.sampled_from([Decimal(0), Decimal(5)]),
        "period_start": st.sampled_from([None, DAY]),
        "return_index": ratios,
        "daily_return": ratios,
        "max_drawdown_ratio": ratios,
    }
)


def percentage(ratio: Decimal | Fraction | None, digits: int = 4) -> Decimal | None:
    """NULL where it is unknown, or has no room in DECIMAL(10, 4)."""
    if ratio is None:
        return None
    value = rounded(Fraction(ratio), digits)
    return value if abs(value) < 10**6 else None


@FEW
@given(st.lists(values, min_size=1, max_size=30))
def test_percentages_are_unknown_rather_than_zero(made: list[dict[str, Any]]) -> None:
    """Without a flow, without equity, of what is unknown, and of what has no room."""
    rows = [
        {**row, "account_id": str(place), "snapshot_time": DAY, "is_busy": True}
        for place, row in enumerate(made)
    ]
    expected = []
    for row in rows:
        begun = row["period_start"] is not None or row["flow"] != 0
        equity, gross = row["equity"], row["gross_notional"]
        is_known = equity is not None and gross is not None and equity != 0
        of_100 = {
            name: None if not begun or value is None else value * 100
            for name, value in {
                "total_pnl_pct": None if row["return_index"] is None else row["return_index"] - 1,
                "daily_pnl_pct": row["daily_return"],
                "max_drawdown_pct": row["max_drawdown_ratio"],
            }.items()
        }
        expected.append(
            {
                "account_id": row["account_id"],
                **{name: percentage(value) for name, value in of_100.items()},
                "leverage": percentage(Fraction(gross) / Fraction(equity)) if is_known else None,
            }
        )
    given_rows = {
        "int_portfolio_returns": rows,
        "int_snapshot_times": [{"snapshot_time": DAY, "snapshot_type": "eod"}],
    }
    found = selects.of("portfolio_snapshots_warm", given_rows)
    found.sort(key=lambda row: int(row["account_id"]))
    assert [{name: row[name] for name in expected[0]} for row in found] == expected
