"""Where a scheduled build's seconds go: nothing new, one more hour of ticks, and dbt's own share.

    python benchmarks/bench_build.py --rows 20000000

`ingest demo` makes the market; its last two hours are kept back, the rest landed and built. Then
with nothing new, and with one of those hours landed: the `dbt build` of the cycle alone, and the
whole cycle, which also audits and publishes; and a cycle that looks whether anything is new, and
finds that one has just run. The profile is of one more `dbt build` with nothing
new, in this process and one node at a time: CPU seconds, so that a busy machine changes the
clock's figures and not these.
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

from python_ingest.cli.dbt_run import dbt_build
from python_ingest.settings import load_settings

PROJECT = Path(__file__).resolve().parents[1]
GOALS = {"nothing new": 10.0, "one more hour": 15.0}
SKIPPED_GOAL = 2.0
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


def build() -> float:
    """Run `dbt build` as the cycle does; returns the seconds by the clock."""
    started = time.perf_counter()
    dbt_build(load_settings(), {"as_of": AS_OF})
    return time.perf_counter() - started


def keep_last_hour_back(files: list[Path], name: str = "last_hour") -> Path:
    """Split the newest file: its ticks of the last hour go into a file of their own."""
    newest = files[-1]
    hour = newest.with_name(f"{name}.parquet")
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
    hours = [keep_last_hour_back(ticks, name) for name in ("last_hour", "hour_before")]
    ingest("init")
    ingest("land", "ticks", *map(str, ticks))
    for kind, name in (("cash", "cash.parquet"), ("orders", "orders.parquet")):
        ingest("land", kind, str(demo / name))
    first = ingest("cycle", "--as-of", AS_OF)
    idle = {
        "dbt build": min(build() for _ in range(3)),
        "scheduled cycle": min(ingest("cycle", "--as-of", AS_OF) for _ in range(3)),
    }
    ingest("land", "ticks", str(hours.pop()))
    busy = {"dbt build": build()}
    ingest("cycle", "--as-of", AS_OF)
    ingest("land", "ticks", str(hours.pop()))
    busy["scheduled cycle"] = ingest("cycle", "--as-of", AS_OF)
    found = [
        Row(f"{what}, {when}", seconds[what], GOALS[when], "goal", rows, 1)
        for what in idle
        for when, seconds in (("nothing new", idle), ("one more hour", busy))
    ]
    ingest("cycle")  # by the machine's clock, which moves what is old
    skipped = min(ingest("cycle") for _ in range(3))
    cycle = "scheduled cycle"
    return [
        *found,
        Row("cycle that another one preceded", skipped, SKIPPED_GOAL, "goal", rows, 1),
        Row("cycle: one more hour / nothing new", busy[cycle], idle[cycle], "nothing new", rows),
        Row("cycle: the first / nothing new", first, idle[cycle], "nothing new", rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-build-") as folder:
        data = Path(folder)
        os.environ["DATA_DIR"] = folder
        os.environ.pop("DATABASE_PATH", None)
        os.chdir(PROJECT)
        found = measure(data, rows)
        lines = profile(data)
    save("build", found)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
