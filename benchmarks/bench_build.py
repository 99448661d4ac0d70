"""Where a scheduled build's seconds go: nothing new, one more hour of ticks, and dbt's own share.

    python benchmarks/bench_build.py --rows 20000000

`ingest demo` makes the market, moved to this week; its last three hours are kept back, the rest
landed and built. Then with nothing new, and with one of those hours landed: the `dbt build` of the
cycle alone, and the whole cycle, which also audits and publishes; a cycle that looks whether
anything is new, and finds that one has just run; and the cycle that stays (`--every 1s`): what it
computes while nothing comes, and from the last hour's landing until its ticks are published. The
profile is of one more `dbt build` with nothing new, in this process and one node at a time: CPU
seconds, so that a busy machine changes the clock's figures and not these.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from table import Row, save

from python_ingest.cli.dbt_run import dbt_build
from python_ingest.serving import ReaderPool
from python_ingest.settings import load_settings

PROJECT = Path(__file__).resolve().parents[1]
CYCLE = "scheduled cycle"
IDLE_SECONDS = 20
AS_OF = "2025-01-11 00:00:00"  # `ingest demo` begins on Monday, 2025-01-06


def measured(*arguments: str) -> tuple[float, float]:
    """Run a command as the scheduler would; returns its seconds, and its peak memory in MB."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "python_ingest", *arguments]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)  # dbt's memory is among it
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - started, used.ru_maxrss / 1024


def ingest(*arguments: str) -> float:
    """Run a command; returns the seconds by the clock."""
    return measured(*arguments)[0]


def build(as_of: str) -> float:
    """Run `dbt build` as the cycle does; returns the seconds by the clock."""
    started = time.perf_counter()
    dbt_build(load_settings(), {"as_of": as_of})
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


def profile(data: Path, as_of: str) -> list[str]:
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
            *("--exclude-resource-type", "unit_test", "--vars", f'{{"as_of": "{as_of}"}}'),
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


def move_to_this_week(files: list[Path]) -> str:
    """Move the demo's times by whole weeks; returns the end of its newest day, which has passed."""
    end = datetime.fromisoformat(AS_OF)
    weeks = (datetime.now(UTC).replace(tzinfo=None) - end) // timedelta(weeks=1)
    with duckdb.connect() as connection:
        for path in files:
            times = [
                f"{name} + to_weeks({weeks}) as {name}"
                for name, kind, *_ in connection.execute(f"describe from '{path}'").fetchall()
                if kind.startswith("TIMESTAMP")
            ]
            moved = path.with_suffix(".moved")
            connection.execute(
                f"copy (select * replace ({', '.join(times)}) from '{path}')"
                f" to '{moved}' (format parquet)"
            )
            moved.replace(path)
    return str(end + timedelta(weeks=weeks))


def cpu_seconds(group: int) -> float:
    """What the processes of a group have computed so far, those that ended among them."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            if int(fields[3]) == group:  # the session: a cycle's child is a group of its own
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(rows: int, hour: Path) -> list[Row]:
    """The cycle that stays: a look that finds nothing, and from landed to published."""
    command = [sys.executable, "-m", "python_ingest", "cycle", "--every", "1s"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as cycle:
        try:
            assert cycle.stdout is not None  # noqa: S101
            cycle.stdout.readline()  # its first cycle has ended
            before = cpu_seconds(cycle.pid)
            time.sleep(IDLE_SECONDS)
            look = (cpu_seconds(cycle.pid) - before) / IDLE_SECONDS
            with ReaderPool() as pool:
                landed = "select max(batch_id) as newest from landings"
                known = pool.dicts(landed)
                ingest("land", "ticks", str(hour))
                began = time.perf_counter()
                while pool.dicts(landed) == known:
                    time.sleep(0.02)
                published = time.perf_counter() - began
        finally:
            cycle.terminate()
    one_more = "resident cycle, one more hour, from landed to published"
    return [
        Row("resident cycle, a second with nothing new, CPU", look, 1, "goal, 1 s", rows, 1),
        Row(one_more, published, 5, "goal, 5 s", rows, 1),
    ]


def measure(data: Path, rows: int, times: int) -> tuple[list[Row], str]:
    """Land, build, and run the cycle with nothing new and with one more hour.

    `times`: of what is repeated the best counts.
    """
    demo = data / "demo"
    shape = ["--rows", str(rows), "--symbols", "50", "--days", "5", "--out", str(demo)]
    ingest("demo", *shape)
    ticks = sorted(demo.glob("ticks_*.parquet"))
    others = {kind: demo / f"{kind}.parquet" for kind in ("cash", "orders")}
    as_of = move_to_this_week([*ticks, *others.values()])
    hours = [keep_last_hour_back(ticks, name) for name in ("third", "second", "first")]
    ingest("init")
    ingest("land", "ticks", *map(str, ticks))
    for kind, path in others.items():
        ingest("land", kind, str(path))
    first = ingest("cycle", "--as-of", as_of)
    idle = {
        "dbt build": min(build(as_of) for _ in range(times)),
        CYCLE: min(ingest("cycle", "--as-of", as_of) for _ in range(times)),
    }
    ingest("land", "ticks", str(hours.pop()))
    busy = {"dbt build": build(as_of)}
    ingest("cycle")  # by the machine's clock, which moves what is old
    ingest("land", "ticks", str(hours.pop()))
    busy[CYCLE] = ingest("cycle")  # as cron runs it; views are left as the one before made them
    skipped = min(ingest("cycle") for _ in range(times))
    helped = min(ingest("--help") for _ in range(times))
    found = [
        Row("ingest --help", helped, 0.3, "goal, 0.3 s", rows, 1),
        Row("cycle that another one preceded", skipped, 2, "goal, 2 s", rows, 1),
        Row(f"{CYCLE}, one more hour", busy[CYCLE], 8, "goal, 8 s", rows, 1),
        Row(f"{CYCLE}, one more hour", busy[CYCLE], idle[CYCLE], "nothing new", rows),
        Row(f"{CYCLE}, the first", first, idle[CYCLE], "nothing new", rows),
        Row("dbt build, nothing new", idle["dbt build"], idle[CYCLE], "the whole cycle", rows),
        Row("dbt build, one more hour", busy["dbt build"], busy[CYCLE], "the whole cycle", rows),
        *resident(rows, hours.pop()),
    ]
    return found, as_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-build-") as folder:
        data = Path(folder)
        os.environ["DATA_DIR"] = folder
        os.environ.pop("DATABASE_PATH", None)
        os.chdir(PROJECT)
        found, as_of = measure(data, options.rows, options.times)
        lines = profile(data, as_of)
    save("build", found)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
