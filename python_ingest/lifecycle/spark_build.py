"""What the last build on Spark was made of: `DATA_DIR/spark/built.json`, once it has ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from python_ingest.errors import UsageError
from python_ingest.lifecycle.handover import current_folder
from python_ingest.settings import Settings
from python_ingest.storage.files import move_into_place, sha256_of
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import open_writer

# Those that bars are made with (macros/bar_inputs.sql).
SEEDS = ("exchanges", "exchange_calendar", "instruments", "timeframes", "trade_conditions")


@dataclass(frozen=True)
class SparkBuild:
    """The newest batch that was in its export, and the hex sha256 of each seed's file."""

    batch: int
    seeds: dict[str, str]


def begin(settings: Settings, project: Path) -> SparkBuild:
    """Return what a build that starts now is made of, and forget the one before.

    Raises UsageError when nothing has been exported.
    """
    folder = current_folder(settings.data_dir / "export")
    if folder is None:
        raise UsageError("nothing has been exported for Spark yet: run `ingest export`")
    _record(settings).unlink(missing_ok=True)
    return SparkBuild(_newest_batch(folder), _sums(project))


def finish(settings: Settings, build: SparkBuild) -> None:
    """Note that the build ended well."""
    record = _record(settings)
    unfinished = record.with_suffix(".tmp")
    unfinished.write_text(json.dumps(asdict(build)), encoding="utf-8")
    move_into_place(unfinished, record)


def collectable(settings: Settings, project: Path) -> SparkBuild:
    """Return the last build, when the database may take its rows.

    Raises UsageError when there is none that ended, when it was made with other seeds, or when
    ticks that landed later were moved to cold files, where no build would look for new ones.
    """
    record = _record(settings)
    if not record.exists():
        raise UsageError("no build on Spark has ended since the last one began: run `ingest spark`")
    build = SparkBuild(**json.loads(record.read_text(encoding="utf-8")))
    now = _sums(project)
    changed = [f"seeds/{name}.csv" for name in SEEDS if now[name] != build.seeds.get(name)]
    if changed:
        raise UsageError(
            f"{', '.join(changed)} changed since the build on Spark: run"
            " `ingest spark --full-refresh`"
        )
    with open_writer(settings) as connection:
        moved = connection.execute(
            "select count(*) from raw.cold_files"
            " where relation = 'market_ticks' and max_batch_id > ?",
            [build.batch],
        ).fetchall()[0][0]
    if moved:
        raise UsageError(
            f"ticks that landed after batch {build.batch}, the newest that Spark knew, were moved"
            " to cold files: run `ingest export` and `ingest spark`"
        )
    return build


def _record(settings: Settings) -> Path:
    return settings.data_dir / "spark" / "built.json"


def _newest_batch(folder: Path) -> int:
    landings = sql_path(folder / "landings" / "*.parquet")
    rows = duckdb.execute(f"select coalesce(max(batch_id), 0) from {landings}").fetchall()
    return int(rows[0][0])


def _sums(project: Path) -> dict[str, str]:
    return {name: sha256_of(project / "seeds" / f"{name}.csv") for name in SEEDS}
