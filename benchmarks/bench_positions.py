"""From fills to positions, round trips and portfolio: one build, 1,000 fills on top, nothing new.

python benchmarks/bench_positions.py --rows 1000000
All figures are CPU seconds: of a model, of its statements, dbt's own work around them beside it.
The baseline of the build is bare DuckDB that computes only the running quantity and cash of the
same fills with window functions; of the fold, the same fold without any exactness (floats).
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunner
from dbt_common.events.base_types import EventMsg
from table import Row, save

from python_ingest.accounting.fold import fold
from python_ingest.accounting.functions import register
from python_ingest.schema.migrate import migrate

PROJECT = Path(__file__).parents[1]
FOLDED_A_SECOND = 300_000

EVENTS = """
insert into raw.order_events by name
select
    ? as batch_id, i + 1 as row_number, concat('f', i) as event_id, 'fill' as event_type,
    timestamp '2024-01-02' + to_microseconds(i * (30 * 86400000000 // ?)) as event_time,
    concat('o', i) as order_id, concat('c', i) as client_order_id, 'alpaca' as exchange,
    concat('S', i % 200) as symbol, if(hash(i) % 2 = 0, 'buy', 'sell') as side,
    'limit' as order_type, (1 + hash(i, 1) % 100)::decimal(18, 8) as quantity,
    concat('t', i) as trade_id, concat('x', i) as exchange_trade_id, quantity as fill_quantity,
    (100 + (hash(i, 2) % 10000) / 1000)::decimal(18, 8) as fill_price, 0.35 as commission,
    'websocket' as source, timestamp '2024-03-01' as ingestion_time,
    (hash(i, 3) // 2)::bigint as content_hash, 'strategy' as strategy_id
from range(?, ?) as t(i)
"""
LANDED = (
    "insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read,"
    " rows_landed, rows_duplicate, rows_rejected, min_timestamp, max_timestamp, landed_at,"
    " duration_ms) values"
    " (?, 'orders', ?, ?, 'parquet', ?, ?, 0, 0, null, null, now()::timestamp, 1)"
)


def land(path: Path, batch: int, begin: int, end: int, rows: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(EVENTS, [batch, rows, begin, end])
        count = end - begin
        connection.execute(LANDED, [batch, f"f{batch}", f"s{batch}", count, count])
        if batch == 1:
            connection.execute(
                "insert into raw.cash_events by name select 1 as batch_id, 1 as row_number,"
                " 'd' as event_id, timestamp '2024-01-02' as event_time, 'deposit' as kind,"
                " 1e8 as amount, 'USD' as currency, 'rest' as source,"
                " now()::timestamp as ingestion_time, 1 as content_hash"
            )
            connection.execute(
                "insert into raw.market_ticks by name select 1 as batch_id, i as tick_id,"
                " 'alpaca' as exchange, concat('S', i % 200) as symbol, 'trade' as kind,"
                " timestamp '2024-01-02' + to_minutes((i // 200) * 60) as timestamp,"
                " 100 + i % 10 as last_price, 1 as last_size, i::varchar as trade_id,"
                " 'rest' as source, now()::timestamp as ingestion_time, 1 as occurrence"
                " from range(200 * 24 * 30) t(i)"
            )


@dataclass
class Spent:
    """CPU seconds of this process by model: in its statements, and with what dbt does around."""

    statements: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    begun: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0

    def hear(self, event: EventMsg) -> None:
        """Called by dbt, one model at a time."""
        name = event.info.name
        if name not in CLOCKED:
            return
        node = event.data.node_info
        if node.resource_type != "model" or not is_trading(node.node_name, node.node_path):
            return
        kind, begins = CLOCKED[name]
        if begins:
            self.begun[kind] = time.process_time()
        elif kind in self.begun:
            spent = time.process_time() - self.begun.pop(kind)
            (self.statements if kind == "statement" else self.whole)[node.node_name] += spent


CLOCKED = {
    "NodeStart": ("model", True),
    "NodeFinished": ("model", False),
    "SQLQuery": ("statement", True),
    "SQLQueryStatus": ("statement", False),
}


def build(data: Path) -> Spent:
    """Build the trading models in a process of its own: its peak memory is that of the build."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(build_here, data).result()


def build_here(data: Path) -> Spent:
    """Build them in this process, one after the other, on all of DuckDB's threads.

    CPU time, not the clock: it says the same on a machine that others use too.
    """
    spent = Spent()
    os.environ |= {"DATA_DIR": str(data)}
    # The chain of bars is built whole too: no chain gets further than those that it reads.
    arguments = ["build", "--select", "+marts.trading", "+ohlcv_bars"]
    arguments += ["--threads", "1", "--quiet"]
    arguments += ["--exclude-resource-type", "test", "unit_test", "snapshot"]
    arguments += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    arguments += ["--target-path", str(data / "target"), "--log-path", str(data / "logs")]
    done = dbtRunner(callbacks=[spent.hear]).invoke(arguments)
    if not done.success:
        raise RuntimeError(f"dbt build failed, see {data}/logs/dbt.log: {done.exception}")
    spent.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return spent


def is_trading(name: str, path: str) -> bool:
    """Whether a model belongs to orders and P&L, not to bars."""
    pending = ("int_orders", "int_positions", "int_valuations", "int_portfolio", "int_round_trips")
    pending += ("int_changed", "int_reference")
    return "/trading" in path or ("/changes" in path and name.startswith(pending))


def baseline(path: Path) -> float:
    with duckdb.connect(str(path), read_only=True) as connection:
        begin = time.process_time()
        connection.execute(
            "create temp table running as select exchange, symbol, event_time,"
            " sum(if(side = 'buy', fill_quantity, -fill_quantity)) over key as quantity,"
            " sum(if(side = 'buy', -1, 1) * fill_quantity::decimal(20, 8) * fill_price) over key"
            " as cash from raw.order_events"
            " window key as (partition by exchange, symbol order by event_time, content_hash)"
        )
        return time.process_time() - begin


def fold_rate(path: Path, rows: int) -> tuple[float, float]:
    """Seconds of the fold alone, and as it runs in SQL with lists built and taken apart."""
    with duckdb.connect(str(path), read_only=True) as connection:
        register(connection)
        lists = (
            "select symbol, list({'quantity':"
            " (if(side = 'buy', 1, -1) * fill_quantity)::decimal(38, 10),"
            " 'price': fill_price::decimal(38, 10), 'ratio': null::decimal(18, 8),"
            " 'transfer': null::varchar, 'transfer_cost': null::decimal(38, 20),"
            " 'symbol': null::varchar, 'action': null::varchar, 'share': null::decimal(18, 8)}"
            " order by event_time) as events"
            " from raw.order_events group by symbol"
        )
        arrays = connection.execute(
            f"select list_transform(events, lambda e: (e.quantity * 10000000000)::bigint),"
            f" list_transform(events, lambda e: (e.price * 10000000000)::bigint) from ({lists})"
        ).fetchall()
        begin = time.process_time()
        for quantities, prices in arrays:
            fold(quantities, prices, [None] * len(prices))
        alone = time.process_time() - begin
        begin = time.process_time()
        connection.execute(
            f"create temp table folded as select symbol, unnest(fold_positions([], events,"
            f" 'net')) from ({lists})"
        )
        return alone, time.process_time() - begin


def total(spent: Spent) -> float:
    return sum(spent.statements.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        path = data / "trading.duckdb"
        with duckdb.connect(str(path)) as connection:
            migrate(connection)
        land(path, 1, 0, rows, rows)
        whole = build(data)
        bare = statistics.median(baseline(path) for _ in range(3))
        alone, in_sql = fold_rate(path, rows)
        land(path, 2, rows, rows + 1000, rows)
        increment = build(data)
        nothing = build(data)
    windows = "running sums by window functions"
    results = [
        Row(
            "fills to positions, round trips, portfolio",
            total(whole),
            bare,
            windows,
            rows,
        ),
        Row("fills to positions, round trips, portfolio", total(whole), 15, "goal, 15 s", rows, 1),
        Row("and its peak memory, MB", whole.peak_mb, 1000, "goal, 1 GB", rows, 1),
        Row("fold alone", alone, rows / FOLDED_A_SECOND, "goal, 300,000 fills/s", rows, 1),
        Row("fold in SQL", in_sql, rows / FOLDED_A_SECOND, "goal, 300,000 fills/s", rows, 1),
        Row("1,000 more fills", total(increment), total(nothing), "nothing new", rows),
        Row("1,000 more fills", total(increment), 0.5, "goal, 0.5 s", rows, 1),
    ]
    for label, spent in (("build", whole), ("increment", increment), ("nothing new", nothing)):
        slowest = ", ".join(f"{n} {s:.2f}" for n, s in spent.statements.most_common(8))
        around = sum(spent.whole.values()) - total(spent)
        print(f"\n{label}: {total(spent):.2f} in statements, {around:.2f} in dbt; {slowest}")
    save("positions", results)


if __name__ == "__main__":
    main()
