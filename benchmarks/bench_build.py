"""Where a scheduled build's seconds go: nothing new, one more hour of ticks, and dbt's own share.

    python benchmarks/bench_build.py --rows 20000000

`ingest demo` makes the market; its last hour is kept back, the rest landed and built. Then the
whole project runs as the scheduler runs it (`ingest cycle`): with nothing new, and with that hour
landed. The profile is of one more `dbt build` with nothing new, in this process and one node at a
time: CPU seconds, so that a busy machine changes the clock's figures and not these.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from table import Row, save

PROJECT = Path(__file__).resolve().parents[1]
GOALS = {"nothing new": 10.0, "one more hour": 15.0}
AS_OF = "2025-01-11 00:00:00"  # `ingest demo` begins on Monday, 2025-01-06


def ingest(*arguments: str) -> float:
    """Run a command as the scheduler would; returns the seconds by the clock."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "python_ingest", *arguments],
        check=True,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def keep_last_hour_back(files: list[Path]) -> Path:
    """Split the newest file: its ticks of the last hour go into a file of their own."""
    newest = files[-1]
    hour = newest.with_name("last_hour.parquet")
    rest = newest.with_name("rest.parquet")
    newest_hour = f"(select max(timestamp) - interval 1 hour from '{newest}')"
    with duckdb.connect() as connection:
        for path, side in ((hour, ">"), (rest, "<=")):
            connection.execute(
                f"copy (from '{newest}' where timestamp {side} {newest_hour}) to '{path}'"
            )
    rest.replace(newest)
    return hour


@dataclass
class Profile:
    """CPU seconds of this process while dbt runs one node after the other."""

    nodes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    statements: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    count: Counter[str] = field(default_factory=Counter)
    begun: dict[str, float] = field(default_factory=dict)

    def hear(self, event: object) -> None:
        """Called by dbt."""
        name = event.info.name  # type: ignore[attr-defined]
        if name not in {"NodeStart", "NodeFinished", "SQLQuery", "SQLQueryStatus"}:
            return
        now = time.process_time()
        info = event.data.node_info  # type: ignore[attr-defined]
        kind = info.materialized if info.resource_type == "model" else info.resource_type
        if name in {"NodeStart", "SQLQuery"}:
            self.begun[name] = now
        elif name == "NodeFinished":
            self.nodes[kind] += now - self.begun.pop("NodeStart")
            self.count[kind] += 1
        elif "SQLQuery" in self.begun:
            self.statements[kind] += now - self.begun.pop("SQLQuery")


def profile(data: Path) -> list[str]:
    """Build once more in this process; lines of a Markdown table."""
    began = time.process_time()
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - what it costs is part of the profile

    imported = time.process_time() - began
    found = Profile()
    target = data / "dbt"
    began = time.process_time()
    done = dbtRunner(callbacks=[found.hear]).invoke(
        [
            *("--quiet", "--log-level-file", "none", "build", "--threads", "1"),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--exclude-resource-type", "unit_test", "--vars", f'{{"as_of": "{AS_OF}"}}'),
            *("--target-path", str(target), "--log-path", str(target / "logs")),
        ]
    )
    if not done.success:
        raise SystemExit(f"dbt build failed, see {target}/logs/dbt.log: {done.exception}")
    whole = time.process_time() - began
    lines = ["| CPU s | of these in SQL | nodes | what |", "|---:|---:|---:|---|"]
    for kind, seconds in sorted(found.nodes.items(), key=lambda item: -item[1]):
        lines.append(
            f"| {seconds:.2f} | {found.statements[kind]:.2f} | {found.count[kind]} | {kind} |"
        )
    around = whole - sum(found.nodes.values())
    lines.append(f"| {around:.2f} | | | parsing, hooks, artifacts |")
    lines.append(f"| {imported:.2f} | | | importing dbt |")
    return lines


def measure(data: Path, rows: int) -> list[Row]:
    """Land, build, and run the cycle with nothing new and with one more hour."""
    demo = data / "demo"
    shape = ["--rows", str(rows), "--symbols", "50", "--days", "5", "--out", str(demo)]
    ingest("demo", *shape)
    ticks = sorted(demo.glob("ticks_*.parquet"))
    hour = keep_last_hour_back(ticks)
    ingest("init")
    ingest("land", "ticks", *map(str, ticks))
    for kind, name in (("cash", "cash.parquet"), ("orders", "orders.parquet")):
        ingest("land", kind, str(demo / name))
    first = ingest("cycle", "--as-of", AS_OF)
    nothing = min(ingest("cycle", "--as-of", AS_OF) for _ in range(3))
    ingest("land", "ticks", str(hour))
    more = ingest("cycle", "--as-of", AS_OF)
    return [
        Row("scheduled cycle, nothing new", nothing, GOALS["nothing new"], "goal", rows, 1),
        Row("scheduled cycle, one more hour", more, GOALS["one more hour"], "goal", rows, 1),
        Row("one more hour / nothing new", more, nothing, "nothing new", rows),
        Row("everything for the first time / nothing new", first, nothing, "nothing new", rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-build-") as folder:
        data = Path(folder)
        os.environ["DATA_DIR"] = folder
        os.environ.pop("DATABASE_PATH", None)
        found = measure(data, rows)
        lines = profile(data)
    save("build", found)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
