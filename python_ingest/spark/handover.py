"""All of market history as Parquet, for an engine that cannot open the database (docs/scale.md).

`DATA_DIR/export/<n>/` has the cold layout: `market_ticks/date=.../*.parquet`, and one file for each
small table. Cold files are hard links; of ticks that are still warm a day is one file, whose name
tells its content, so that an unchanged day is linked from the export before. `current.json` names
the newest export and is replaced last: a reader sees one whole export or the one before.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.cli.progress import Report
from python_ingest.errors import ExportError
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import archived_dates, readable_files
from python_ingest.storage.cold_place import link_or_copy, link_or_fetch
from python_ingest.storage.cold_relations import as_stored
from python_ingest.storage.files import remove_folder, sync_to_disk, write_whole
from python_ingest.storage.sql import columns_of, sql_path, value_of
from python_ingest.storage.statements import Statements
from python_ingest.storage.writer import open_writer, require_database

SQL = Statements(Path(__file__).with_name("queries"))
SMALL_TABLES = ("tick_corrections", "tick_conflicts", "tick_confirmations", "landings")
# Read by models that follow an earlier build, as none does on Spark: they get columns and no rows.
EMPTY_TABLES = (
    "raw.cold_files",
    "state.chains",
    "state.reference_as_built",
    "state.vanished_rows",
    "state.restored_days",
    "state.waiting_regions",
    "warm.ohlcv_bar_revisions",
)
_ARCHIVED = "archived.json"
KEPT = 2  # the newest and the one a running build may read
_FORMAT = "(format parquet, compression zstd, compression_level 3)"
_READABLE = (
    *("BOOLEAN", "DATE", "DOUBLE", "SMALLINT", "INTEGER", "BIGINT", "VARCHAR", "TIMESTAMP"),
    "DECIMAL",
)


@dataclass(frozen=True)
class Handover:
    """What an export holds; `archived`: days whose ticks lie in the archive only, so not in it."""

    folder: Path
    ticks: int
    files_written: int
    files_linked: int
    archived: list[date]


def hand_over(settings: Settings, report: Report = lambda *_: None) -> Handover:
    """Write an export of everything that bars are made of, and make it the current one.

    `report`: told after each cold file, and each warm day.
    Raises ExportError when a cold file has a type that the other engine cannot read.
    """
    root = settings.data_dir / "export"
    require_database(settings)
    with open_writer(settings) as connection:
        previous = current_folder(root)
        folder = _new_folder(root)
        try:
            linked = _link_cold_ticks(connection, settings.data_dir, folder, report)
            written, relinked = _write_warm_ticks(connection, previous, folder, report)
            for table in SMALL_TABLES:
                _write_table(connection, f"raw.{table}", folder)
            for table in EMPTY_TABLES:
                _write_table(connection, table, folder, "where false")
            archived = archived_dates(connection, "market_ticks", date.min, date.max)
            days = json.dumps([str(day) for day in archived])
            (folder / _ARCHIVED).write_text(days, encoding="utf-8")
            ticks = _rows(connection, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    _make_current(root, folder)
    written += len(SMALL_TABLES) + len(EMPTY_TABLES)
    return Handover(folder, ticks, written, linked + relinked, archived)


def current_folder(root: Path) -> Path | None:
    """Return the newest whole export under `DATA_DIR/export`, if there is one."""
    pointer = root / "current.json"
    if not pointer.exists():
        return None
    return root / str(json.loads(pointer.read_text(encoding="utf-8"))["folder"])


def archived_days(folder: Path) -> list[str]:
    """Return the days (YYYY-MM-DD, oldest first) that an export lacks: they lay in the archive."""
    days = folder / _ARCHIVED
    if not days.exists():  # an export of before
        return []
    return [str(day) for day in json.loads(days.read_text(encoding="utf-8"))]


def _new_folder(root: Path) -> Path:
    numbers = [int(path.name) for path in root.glob("[0-9]*") if path.name.isdigit()]
    folder = root / f"{max(numbers, default=0) + 1:06d}"
    (folder / "market_ticks").mkdir(parents=True)
    return folder


def _link_cold_ticks(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, folder: Path, report: Report
) -> int:
    files = readable_files(connection, "market_ticks")
    for number, file in enumerate(files, 1):
        target = folder / "market_ticks" / f"date={file.date}" / Path(file.path).name
        link_or_fetch(data_dir, file.path, file.sha256, target)
        _check_types(connection, target)
        report(f"linked {file.path}", number, len(files))
    return len(files)


def _check_types(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    for name, kind in columns_of(connection, f"from read_parquet({sql_path(path)})").items():
        base = kind.removesuffix("[]").split("(")[0]
        if base not in _READABLE:
            raise ExportError(
                f"{path}: column {name} is {kind}, which Spark cannot read; write the file anew"
                f" with {name} as text, or take its day out of cold storage, and export again"
            )


def _write_warm_ticks(
    connection: duckdb.DuckDBPyConnection, previous: Path | None, folder: Path, report: Report
) -> tuple[int, int]:
    """Write, or link from the export before, a file per warm day; return how many of each."""
    days = connection.execute(SQL.warm_days()).fetchall()
    written = linked = 0
    for number, (day, file) in enumerate(days, 1):
        name = Path("market_ticks", f"date={day}", file)
        if previous is not None and (previous / name).exists():
            link_or_copy(previous / name, folder / name)
            linked += 1
        else:
            _write(connection, "raw.market_ticks", folder / name, SQL.ticks_of_day(str(day)))
            written += 1
        report(f"wrote {day}", number, len(days))
    # today's columns, which cold files may all lack
    none = folder / "market_ticks/date=1970-01-01/none.parquet"
    _write(connection, "raw.market_ticks", none, "where false")
    return written, linked


def _write_table(
    connection: duckdb.DuckDBPyConnection, table: str, folder: Path, condition: str = ""
) -> None:
    name = table.split(".")[1]
    _write(connection, table, folder / name / f"{name}.parquet", condition)


def _write(
    connection: duckdb.DuckDBPyConnection, table: str, path: Path, condition: str = ""
) -> None:
    """Write a table's rows that meet the condition, as text where Spark has no such type."""
    stored = as_stored(columns_of(connection, table).items())
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = f"select {stored} from {table} {condition}"
    connection.execute(f"copy ({rows}) to {sql_path(path)} {_FORMAT}")
    sync_to_disk(path)


def _rows(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    files = sql_path(folder / "market_ticks" / "**" / "*.parquet")
    return int(value_of(connection, f"select sum(num_rows) from parquet_file_metadata({files})"))


def _make_current(root: Path, folder: Path) -> None:
    write_whole(root / "current.json", json.dumps({"folder": folder.name}))
    for old in sorted(root.glob("[0-9]*"))[:-KEPT]:
        remove_folder(old)
