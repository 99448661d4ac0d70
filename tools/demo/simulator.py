"""Files of a seeded market and of strategies that trade on it: demos, tests, benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import duckdb
import numpy as np

from python_ingest.errors import UsageError
from python_ingest.storage.files import move_into_place
from python_ingest.storage.sql import sql_path
from tools.demo import accounts, files
from tools.demo.arrow import UNIT, open_parquet, partial_name
from tools.demo.desk import Desk, Prints, Terms, prints_of
from tools.demo.market import EXCHANGE, FIRST_DAY, SCHEMA, day_slices, open_market
from tools.demo.strategies import merged, trade

STRATEGIES = ("mean_reversion", "momentum")
TRADED_SYMBOLS = 4
PRINTS_PER_SYMBOL = 200_000
"""How many of a symbol's trades the strategies look at, evenly thinned: bounds the memory."""
DEPOSIT = 1_000_000 * UNIT
SILENT_SECONDS = 300

RANGES = [
    ("rows", 1, 10**12),
    ("symbols", 1, 9_999),  # names have four digits
    ("days", 1, 600),  # ticks may not lie in the future
    ("seed", 0, 2**63),
    ("orders", 1, 1_000_000),
]
LANDING_ORDER = ("cash", "orders", "metrics", "logs")

Progress = Callable[[int], None]
"""Called with the number of rows that have just been written."""


def silent(_: int) -> None:
    """Report nothing."""


def default_orders(rows: int) -> int:
    """One order per 2000 ticks, from 20 to 5000."""
    return min(5_000, max(20, rows // 2_000))


@dataclass(frozen=True)
class Plan:
    """How much to simulate; `orders` None is `default_orders(rows)`."""

    rows: int
    symbols: int
    days: int
    seed: int
    orders: int | None = None

    def check(self) -> None:
        """Raise UsageError that names the first number out of range."""
        for name, least, most in RANGES:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise UsageError(f"--{name} must be {least} to {most}, got {value}")


def write_all(out_dir: Path, plan: Plan, progress: Progress = silent) -> list[tuple[str, Path]]:
    """Write ticks and what trades on them; return (kind, file) in landing order."""
    plan.check()
    ticks = _write_days(out_dir, plan, progress)
    others = write_orders(out_dir, ticks, plan.orders or default_orders(plan.rows), plan.seed)
    return [("ticks", path) for path in ticks] + [(kind, others[kind]) for kind in LANDING_ORDER]


def write_ticks(out_dir: Path, rows: int, symbols: int, days: int, seed: int) -> list[Path]:
    """Write `rows` canonical ticks as one Parquet file per day and return the files in order.

    The rows are spread evenly over the days (a day without a row has no file). The same arguments
    give the same bytes. Raises UsageError for a number out of range.
    """
    plan = Plan(rows, symbols, days, seed)
    plan.check()
    return _write_days(out_dir, plan, silent)


def _write_days(out_dir: Path, plan: Plan, progress: Progress) -> list[Path]:
    out_dir.mkdir(parents=True, exist_ok=True)
    for old in out_dir.glob("ticks_????-??-??.parquet"):
        old.unlink()
    rng = np.random.default_rng(plan.seed)
    market = open_market(plan.symbols, rng)
    written = []
    for day in range(plan.days):
        rows = plan.rows * (day + 1) // plan.days - plan.rows * day // plan.days
        if not rows:
            continue
        path = out_dir / f"ticks_{FIRST_DAY + day}.parquet"
        with open_parquet(path, SCHEMA) as writer:
            for table in day_slices(market, day, rows, rng):
                writer.write_table(table)
                progress(table.num_rows)
        move_into_place(partial_name(path), path)
        written.append(path)
    return written


def read_prints(ticks: list[Path]) -> list[Prints]:
    """Return the trades of the first symbols, thinned to PRINTS_PER_SYMBOL, in time order."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        source = f"read_parquet([{', '.join(sql_path(path) for path in ticks)}])"
        names = connection.execute(
            f"select symbol, count(*) from {source} where kind = 'trade'"
            f" group by symbol order by symbol limit {TRADED_SYMBOLS}"
        ).fetchall()
        prints = []
        for symbol, count in names:
            found = connection.execute(
                f"""
                select
                    epoch_us(timestamp) as times,
                    (last_price::decimal(28, 8) * {UNIT})::bigint as prices,
                    (last_size::decimal(28, 8) * {UNIT})::bigint as sizes
                from {source}
                where kind = 'trade' and symbol = ? and last_size > 0
                    and sequence_number % ? = 0
                order by timestamp, sequence_number
                """,
                [symbol, count // PRINTS_PER_SYMBOL + 1],
            )
            prints.append(prints_of(EXCHANGE, symbol, found))
    return [one for one in prints if len(one.times)]


def _desks(prints: list[Prints], orders: int, seed: int) -> list[Desk]:
    places = [(strategy, one) for one in prints for strategy in STRATEGIES]
    desks = []
    for number, (strategy, one) in enumerate(places):
        terms = Terms(
            lot=UNIT // 10,
            order_lots=20,
            quote_currency="USD",
            commission_ppm=500,
            rebate_per_unit=UNIT // 1000,
        )
        desk = Desk(strategy, one, terms, Random(f"{seed}/{strategy}/{one.symbol}"))  # noqa: S311
        trade(desk, orders * (number + 1) // len(places) - orders * number // len(places))
        desks.append(desk)
    return desks


def write_orders(out_dir: Path, ticks: list[Path], orders: int, seed: int) -> dict[str, Path]:
    """Trade `orders` orders on the ticks; write `orders`, `cash`, `metrics` and `logs`.

    Returns the file of each kind. Every fill has the price of a trade in the ticks at that time or
    just before. The same arguments give the same bytes.
    """
    prints = read_prints(ticks)
    events = merged(_desks(prints, orders, seed), "demo")
    opened = int(FIRST_DAY.astype("datetime64[us]").astype(np.int64))
    cash = accounts.cash([(opened, DEPOSIT, "USD")], events, "demo")
    return {
        "orders": files.write_order_parquet(out_dir / "orders.parquet", events),
        "cash": files.write_cash_parquet(out_dir / "cash.parquet", cash),
        "metrics": files.write_ndjson(
            out_dir / "metrics.ndjson.gz", accounts.metrics(prints, events)
        ),
        "logs": files.write_ndjson(
            out_dir / "logs.ndjson.gz", accounts.logs(prints, events, SILENT_SECONDS)
        ),
    }
