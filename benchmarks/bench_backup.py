"""Backups against the bare work: a plain copy of the file, a bare Parquet export, a bare import.

    python benchmarks/bench_backup.py --rows 20000000

`ratio` is our time over the bare one: how much more it takes to verify and to let others land
meanwhile. The goal is 2 at most. What was restored is on the disk, so the bare copy and the bare
import are flushed to it, too; beside it stands the time of a copy that is left in the cache.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from table import Row, save

from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.files import sync_to_disk
from python_ingest.storage.writer import open_writer, session_config

Times = tuple[list[float], list[float]]
TICKS = """
insert into raw.market_ticks
select
    (1::bigint << 32) + i, 1, 'binance', 'SYM' || (i % 50),
    timestamp '2024-08-08' + to_microseconds(i * 86400 * 5 * 1000000 // $rows), 'trade', null,
    null, null, null, null,
    (60000 + (hash(i) % 100000) / 100.0)::decimal(18, 8),
    ((hash(i + 7) % 1000000) / 100000.0)::decimal(18, 8),
    null, i, i::varchar, null, null, 'websocket', timestamp '2024-08-14', null, 1, null, null, null
from range($rows) r(i);
insert into raw.landings (
    batch_id, kind, file_name, sha256, format, rows_read, rows_landed, rows_duplicate,
    rows_rejected, min_timestamp, max_timestamp, landed_at, duration_ms
) values
    (1, 'ticks', 'f', 'x', 'parquet', $rows, $rows, 0, 0, null, null, now()::timestamp, 1);
"""


def settings_in(work: Path) -> Settings:
    env = {
        "DATA_DIR": str(work / "data"),
        "BACKUP_STORE": str(work / "store"),
        "BACKUP_KEEP": "1",
        "DATABASE_TEMP_DIRECTORY": str(work / "temp"),
        "DATABASE_NUM_THREADS": str(os.cpu_count()),
        "DATABASE_MEMORY_LIMIT_MB": "4000",
    }
    return load_settings(work / "none.toml", env)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def bare_backup(settings: Settings, folder: Path) -> None:
    shutil.copyfile(settings.database_path, folder / "copy.duckdb")
    with duckdb.connect(
        str(settings.database_path), read_only=True, config=session_config(settings)
    ) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"copy raw.market_ticks to '{folder / 'ticks.parquet'}'"
            " (format parquet, compression zstd, compression_level 3)"
        )


def bare_copy(folder: Path) -> None:
    shutil.copyfile(folder / "copy.duckdb", folder / "back")


def bare_copy_on_disk(folder: Path) -> None:
    bare_copy(folder)
    sync_to_disk(folder / "back")


def bare_import(settings: Settings, folder: Path) -> None:
    path = folder / "imported.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path), config=session_config(settings)) as connection:
        connection.execute(f"create table t as from read_parquet('{folder / 'ticks.parquet'}')")
    sync_to_disk(path)


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def row(name: str, against: str, rows: int, times: Times, more: str = "") -> Row:
    seconds, baseline = (statistics.median(side) for side in times)
    return Row(name, seconds, baseline, against, rows, 2, more)


def measure(work: Path, rows: int, times: int) -> list[Row]:
    settings, bare_folder = settings_in(work), work / "bare"
    bare_folder.mkdir(parents=True)
    with open_writer(settings) as connection:
        migrate(connection)
        connection.execute(TICKS.replace("$rows", str(rows)))
    ours: dict[str, list[float]] = {"backup": [], "restore": [], "tables": []}
    bare: dict[str, list[float]] = {"backup": [], "restore": [], "tables": []}
    held, cached = [], []
    for _ in range(times):
        bare["backup"].append(timed(lambda: bare_backup(settings, bare_folder)))
        started = time.perf_counter()
        made = create_backup(settings, "full")
        ours["backup"].append(time.perf_counter() - started)
        held.append(made.held_seconds)
        cached.append(timed(lambda: bare_copy(bare_folder)))
        bare["restore"].append(timed(lambda: bare_copy_on_disk(bare_folder)))
        ours["restore"].append(timed(lambda: restore(settings, fresh(work / "restored"))))
        bare["tables"].append(timed(lambda: bare_import(settings, bare_folder)))
        assert made.manifest.database is not None  # noqa: S101
        (work / "store" / made.manifest.database.key).unlink()
        ours["tables"].append(timed(lambda: restore(settings, fresh(work / "restored"))))
    size = settings.database_path.stat().st_size / 1e6
    print(f"database {size:,.0f} MB; landing waited {max(held):.2f} s at most")
    held_for = f"landing waited {max(held):.2f} s at most"
    return [
        row(
            "full backup",
            "a plain copy and a bare export",
            rows,
            (ours["backup"], bare["backup"]),
            held_for,
        ),
        row(
            "restore of the file",
            "a plain copy",
            rows,
            (ours["restore"], bare["restore"]),
            f"a copy left in the cache {statistics.median(cached):.2f} s",
        ),
        row("restore from the tables", "a bare import", rows, (ours["tables"], bare["tables"])),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), args.rows, args.times)
    save("backup", rows)


if __name__ == "__main__":
    main()
