"""A seeded market: random walks on a tick grid, as Arrow tables in arrival order."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tools.demo.arrow import MONEY, TIME, UNIT, money

EXCHANGE = "demo"
FIRST_DAY = np.datetime64("2025-01-06", "D")
DAY_MICROS = 86_400_000_000
SLICE_ROWS = 500_000
"""Rows that are made at a time: what bounds the memory."""

TRADE_SHARE = 0.7
SAME_TIME_SHARE = 0.05
LATE_SHARE = 0.001
LATE_BY_AT_MOST = 2_000
DUPLICATE_SHARE = 0.0005
ZERO_SIZE_SHARE = 0.0005

SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("timestamp", TIME),
        ("kind", pa.string()),
        ("bid_price", MONEY),
        ("ask_price", MONEY),
        ("bid_size", MONEY),
        ("ask_size", MONEY),
        ("last_price", MONEY),
        ("last_size", MONEY),
        ("sequence_number", pa.int64()),
        ("trade_id", pa.string()),
    ]
)


@dataclass
class Market:
    """State that one slice passes to the next, one entry per symbol."""

    names: list[str]
    share: np.ndarray  # of all rows
    grid: np.ndarray  # one tick, in units of 1e-8
    level: np.ndarray  # the walk, in ticks
    sequence: np.ndarray  # last sequence_number given out
    trades: np.ndarray  # last trade_id given out


def open_market(symbols: int, rng: np.random.Generator) -> Market:
    """Return `symbols` instruments: prices of 0.05 to 50,000, a tick is a 1e-4 to 1e-5 of it."""
    start = 10 ** rng.uniform(-1.3, 4.7, symbols)
    digits = np.floor(np.log10(start)).astype(int) - 4
    grid = np.maximum(1, np.round(10.0 ** (digits + 8))).astype(np.int64)
    weight = 1 / np.arange(1, symbols + 1) ** 0.7
    return Market(
        names=[f"SIM{number:04d}" for number in range(1, symbols + 1)],
        share=weight / weight.sum(),
        grid=grid,
        level=np.round(start * UNIT / grid).astype(np.int64),
        sequence=np.zeros(symbols, dtype=np.int64),
        trades=np.zeros(symbols, dtype=np.int64),
    )


def _time_of_day(share_of_day: np.ndarray) -> np.ndarray:
    """Return microseconds of the day at which this share of the day's ticks has come."""
    hours = np.linspace(0, 24, 24 * 12 + 1)
    busy = 1 + 0.8 * np.exp(-((hours - 8) ** 2) / 4) + 1.6 * np.exp(-((hours - 14.5) ** 2) / 6)
    come = np.concatenate([[0], np.cumsum((busy[1:] + busy[:-1]) / 2)])
    micros = np.interp(share_of_day, come / come[-1], hours * 3_600_000_000)
    result: np.ndarray = np.minimum(micros.astype(np.int64), DAY_MICROS - 1)
    return result


def _times(rows: int, part: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Return `rows` ascending microseconds of the day; some rows share the time before them."""
    times = _time_of_day(np.sort(rng.uniform(*part, rows)))
    alone = rng.random(rows) >= SAME_TIME_SHARE
    alone[:1] = True
    result: np.ndarray = np.maximum.accumulate(np.where(alone, times, 0))
    return result


@dataclass(frozen=True)
class _BySymbol:
    """Running figures per symbol for rows that stand in time order."""

    order: np.ndarray
    first: np.ndarray  # position of each row's symbol's first row, in `order`

    def running(self, step: np.ndarray, before: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        """Return before[symbol] plus the steps of the same symbol up to and with each row."""
        sums = np.cumsum(step[self.order])
        base = np.where(self.first > 0, sums[self.first - 1], 0)
        result = np.empty_like(sums)
        result[self.order] = sums - base
        result += before[symbol]
        return result


def _by_symbol(symbol: np.ndarray) -> _BySymbol:
    order = np.argsort(symbol, kind="stable")
    ranked = symbol[order]
    starts = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(symbol)), 0))
    return _BySymbol(order, first)


def _sizes(rows: int, rng: np.random.Generator) -> np.ndarray:
    lots = rng.exponential(80, rows).astype(np.int64) + 1
    return lots * (UNIT // 100)


def _arrival(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return the order of arrival: a few rows come late, a few come twice and replace another."""
    delay = np.where(rng.random(rows) < LATE_SHARE, rng.integers(1, LATE_BY_AT_MOST, rows), 0)
    order = np.argsort(np.arange(rows) + delay, kind="stable")
    twice = np.flatnonzero(rng.random(rows) < DUPLICATE_SHARE)
    order[twice] = order[np.maximum(twice - rng.integers(1, 50, len(twice)), 0)]
    return order


def _slice(
    market: Market, day: int, part: tuple[float, float], rows: int, rng: np.random.Generator
) -> pa.Table:
    """Return `rows` ticks between two shares of a day's activity."""
    symbol = rng.choice(len(market.names), rows, p=market.share).astype(np.uint16)
    groups = _by_symbol(symbol)
    is_trade = rng.random(rows) < TRADE_SHARE
    level = groups.running(rng.integers(-1, 2, rows), market.level, symbol)
    sequence = groups.running(np.ones(rows, dtype=np.int64), market.sequence, symbol)
    trade_id = groups.running(is_trade.astype(np.int64), market.trades, symbol)
    np.maximum.at(market.sequence, symbol, sequence)
    np.maximum.at(market.trades, symbol, trade_id)
    last_rows = groups.order[np.append(groups.first[1:] != groups.first[:-1], True)]
    market.level[symbol[last_rows]] = level[last_rows]

    ticks = np.abs(level - 50) + 50  # a walk that would reach zero turns back
    grid = market.grid[symbol]
    half_spread = rng.integers(1, 4, rows)
    size = _sizes(rows, rng)
    size[rng.random(rows) < ZERO_SIZE_SHARE] = 0
    first_micro = (FIRST_DAY + day).astype("datetime64[us]").astype(np.int64)
    times = first_micro + _times(rows, part, rng)

    order = _arrival(rows, rng)
    traded, quoted = is_trade[order], ~is_trade[order]
    columns = [
        pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int8), [EXCHANGE]),
        pa.DictionaryArray.from_arrays(symbol[order], market.names),
        pa.array(times[order], TIME),
        pa.DictionaryArray.from_arrays(quoted.astype(np.int8), ["trade", "quote"]),
        money(((ticks - half_spread) * grid)[order], quoted),
        money(((ticks + half_spread) * grid)[order], quoted),
        money(_sizes(rows, rng)[order], quoted),
        money(_sizes(rows, rng)[order], quoted),
        money((ticks * grid)[order], traded),
        money(size[order], traded),
        pa.array(sequence[order]),
        pc.cast(pa.array(trade_id[order], mask=quoted), pa.string()),
    ]
    return pa.table(columns, names=SCHEMA.names).cast(SCHEMA)


def day_slices(market: Market, day: int, rows: int, rng: np.random.Generator) -> Iterator[pa.Table]:
    """Yield `rows` ticks of one day, SLICE_ROWS at a time, with SCHEMA, in arrival order.

    Late, repeated and zero-size rows count too. `market` is updated.
    """
    done = 0
    while done < rows:
        size = min(SLICE_ROWS, rows - done)
        part = (done / rows, (done + size) / rows)
        yield _slice(market, day, part, size, rng)
        done += size
