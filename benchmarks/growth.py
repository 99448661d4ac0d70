"""How the market models' build grows with history, on DuckDB and on Spark, over the same ticks.

    .venv-spark/bin/python benchmarks/growth.py --rows 2000000 20000000 100000000

For each number of ticks (50 symbols, 4 million a day) in a database of its own: a full build on
DuckDB, `ingest export`, a build on Spark (SPARK_MASTER, else local[*]), then one more hour of ticks
and the first two again: on Spark each build is a full one. Seconds are those of whole commands,
start and parsing included: that is what one waits for. Prints the table of docs/scale.md. Not one
of `make bench`: it needs Java and .venv-spark.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench_bars import NEXT_HOUR, PER_DAY, PROJECT, connect, land

from python_ingest.schema.migrate import migrate

AS_OF = "2026-01-10 02:00:00"
INGEST = (sys.executable, "-m", "python_ingest")


def _seconds(data_dir: Path, *command: str | Path) -> float:
    environment = {"DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)}
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=PROJECT, env=os.environ | environment)
    return round(time.perf_counter() - start, 1)


def _build(data_dir: Path) -> dict[str, float]:
    """Seconds on DuckDB and of the export."""
    select = ("--select", "+path:models/marts/market")
    without_tests = ("--exclude-resource-type", "test", "unit_test")
    places = ("--target-path", data_dir / "target", "--log-path", data_dir / "logs")
    dbt = Path(sys.executable).with_name("dbt")
    clock = ("--vars", json.dumps({"as_of": AS_OF}))
    return {
        "duckdb": _seconds(
            data_dir, dbt, "--quiet", "build", *select, *without_tests, *places, *clock
        ),
        "export": _seconds(data_dir, *INGEST, "export"),
    }


def run(rows: int) -> list[dict[str, object]]:
    """Measure one length of history; a full build, then one more hour."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with connect(data_dir) as connection:
            migrate(connection)
        seconds = rows * 86400 // PER_DAY
        span = (str(NEXT_HOUR - timedelta(seconds=seconds)), seconds)
        land(data_dir, 1, rows, span, "interval 0 seconds")
        full = _build(data_dir)
        spark = _seconds(data_dir, *INGEST, "spark", "--as-of", AS_OF)
        land(data_dir, 2, PER_DAY // 24, (str(NEXT_HOUR), 3600), "interval 0 seconds")
        hour = _build(data_dir)
    return [
        {"ticks": rows, "build": "full", **full, "spark": spark},
        {"ticks": rows, "build": "one more hour", **hour, "spark": ""},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000_000, 20_000_000])
    print("| ticks | build | DuckDB s | export s | Spark s |\n|---:|---|---:|---:|---:|")
    for rows in parser.parse_args().rows:
        for row in run(rows):
            print("| " + " | ".join(str(cell) for cell in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
