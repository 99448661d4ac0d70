"""From fills to positions, round trips and portfolio: one build, then 1,000 fills on top.

python benchmarks/bench_positions.py --rows 1000000
The baseline of the build is bare DuckDB that computes only the running quantity and cash of the
same fills with window functions; of the fold, the same fold without any exactness (floats).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from python_ingest.accounting.dbt_plugin import register
from python_ingest.accounting.fold import fold
from python_ingest.schema.migrate import migrate

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "positions.json"

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
    "insert into raw.landings values"
    " (?, 'orders', ?, ?, 'parquet', ?, ?, 0, 0, null, null, now()::timestamp, 1)"
)


def land(path: Path, batch: int, begin: int, end: int, rows: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(EVENTS, [batch, rows, begin, end])
        count = end - begin
        connection.execute(LANDED, [batch, f"f{batch}", f"s{batch}", count, count])
        if batch == 1:
            connection.execute(
                "insert into raw.cash_events values (1, 1, 'd', '2024-01-02', 'deposit', 1e8,"
                " 'USD', 'rest', now()::timestamp, 1)"
            )
            connection.execute(
                "insert into raw.market_ticks by name select 1 as batch_id, i as tick_id,"
                " 'alpaca' as exchange, concat('S', i % 200) as symbol, 'trade' as kind,"
                " timestamp '2024-01-02' + to_minutes((i // 200) * 60) as timestamp,"
                " 100 + i % 10 as last_price, 1 as last_size, i::varchar as trade_id,"
                " 'rest' as source, now()::timestamp as ingestion_time, 1 as occurrence,"
                " i as content_hash from range(200 * 24 * 30) t(i)"
            )


def build(data: Path) -> tuple[float, dict[str, float]]:
    """Seconds of the trading models, as dbt measured them; and each model's."""
    target = data / "target"
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            "build",
            "--select",
            "+marts.trading",
            "--exclude-resource-type",
            "test",
            "unit_test",
            "snapshot",
            "--target-path",
            str(target),
            "--log-path",
            str(data / "logs"),
        ],
        cwd=PROJECT,
        env=os.environ | {"DATA_DIR": str(data), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-3000:])
    manifest = json.loads((target / "manifest.json").read_text())["nodes"]
    models = {}
    for result in json.loads((target / "run_results.json").read_text())["results"]:
        node = manifest.get(result["unique_id"])
        if node and node["resource_type"] == "model" and is_trading(node):
            models[node["name"]] = result["execution_time"]
    return sum(models.values()), models


def is_trading(node: dict) -> bool:
    market = ("int_bar", "int_bucket", "int_cond", "int_counted", "int_day_steps", "int_frontiers")
    market += ("int_mixed", "int_touched_buckets", "int_trading")
    path = node["original_file_path"]
    return "marts/trading" in path or (
        "intermediate" in path and not node["name"].startswith(market)
    )


def baseline(path: Path) -> float:
    with duckdb.connect(str(path), read_only=True) as connection:
        begin = time.perf_counter()
        connection.execute(
            "create temp table running as select exchange, symbol, event_time,"
            " sum(if(side = 'buy', fill_quantity, -fill_quantity)) over key as quantity,"
            " sum(if(side = 'buy', -1, 1) * fill_quantity::decimal(20, 8) * fill_price) over key"
            " as cash from raw.order_events"
            " window key as (partition by exchange, symbol order by event_time, content_hash)"
        )
        return time.perf_counter() - begin


def fold_rate(path: Path, rows: int) -> tuple[float, float]:
    """Seconds of the fold alone, and as it runs in SQL with lists built and taken apart."""
    with duckdb.connect(str(path), read_only=True) as connection:
        register(connection)
        lists = (
            "select symbol, list({'quantity': (if(side = 'buy', 1, -1) * fill_quantity * 1)::bigint"
            " * 100000000, 'price': (fill_price::decimal(38, 8) * 100000000)::bigint,"
            " 'ratio': null::bigint} order by event_time) as events"
            " from raw.order_events group by symbol"
        )
        arrays = connection.execute(
            f"select list_transform(events, lambda e: e.quantity),"
            f" list_transform(events, lambda e: e.price) from ({lists})"
        ).fetchall()
        begin = time.perf_counter()
        for quantities, prices in arrays:
            fold(quantities, prices, [None] * len(prices))
        alone = time.perf_counter() - begin
        begin = time.perf_counter()
        connection.execute(
            f"create temp table folded as select symbol, unnest(fold_positions(0::decimal(38, 8),"
            f" 0::decimal(38, 24), 0::decimal(38, 24), events)) from ({lists})"
        )
        return alone, time.perf_counter() - begin


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
        whole, models = build(data)
        bare = statistics.median(baseline(path) for _ in range(3))
        alone, in_sql = fold_rate(path, rows)
        land(path, 2, rows, rows + 1000, rows)
        increment, step = build(data)
        nothing, _ = build(data)
    results = [
        ("fills to positions, round trips, portfolio", whole, bare, rows),
        ("fold alone", alone, bare, rows),
        ("fold in SQL", in_sql, bare, rows),
        ("increment of 1,000 fills", increment, nothing, 1000),
    ]
    print("| ratio | what | seconds | baseline | rows | rows/s |\n|---|---|---|---|---|---|")
    for name, seconds, base, count in results:
        print(
            f"| {seconds / base:.2f} | {name} | {seconds:.2f} | {base:.2f} | {count} |"
            f" {count / seconds:,.0f} |"
        )
    for label, slow in (("build", models), ("increment", step)):
        top = sorted(slow.items(), key=lambda item: -item[1])[:8]
        print(f"\nslowest of the {label}: " + ", ".join(f"{n} {s:.2f}" for n, s in top))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            [
                {"name": n, "ratio": s / b, "seconds": s, "baseline_seconds": b, "rows": r}
                for n, s, b, r in results
            ],
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
