"""What the last build on Spark was made of: `DATA_DIR/spark/built.json`, once it has ended."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from python_ingest.errors import UsageError
from python_ingest.settings import Settings
from python_ingest.spark.handover import archived_days, current_folder
from python_ingest.storage.files import sha256_of, write_whole
from python_ingest.storage.sql import sql_path

# Those that bars are made with (int_reference).
SEEDS = ("exchanges", "exchange_calendar", "instruments", "timeframes", "trade_conditions")


@dataclass(frozen=True)
class SparkBuild:
    """The newest batch that was in its export, the hex sha256 of each seed's file, and the days
    (YYYY-MM-DD) that the export lacked, since they lay in the archive only.
    """

    batch: int
    seeds: dict[str, str]
    archived: list[str] = field(default_factory=list)  # a build of before does not say it


def begin(settings: Settings, project: Path) -> SparkBuild:
    """Return what a build that starts now is made of, and remove the rows of the one before.

    A killed build leaves files of tables that Spark's catalogue does not know; Spark would refuse
    to make these tables. Raises UsageError when nothing has been exported.
    """
    folder = current_folder(settings.data_dir / "export")
    if folder is None:
        raise UsageError("nothing has been exported for Spark yet: run `ingest export`")
    tables = _record(settings).parent
    shutil.rmtree(tables, ignore_errors=True)
    tables.mkdir()
    return SparkBuild(_newest_batch(folder), _sums(project), archived_days(folder))


def finish(settings: Settings, build: SparkBuild) -> None:
    """Note that the build ended well."""
    write_whole(_record(settings), json.dumps(asdict(build)))


def collectable(settings: Settings, project: Path) -> SparkBuild:
    """Return the last build, when the database may take its rows.

    Raises UsageError when there is none that ended, when it was made with other seeds, or without
    archived days: their bars would be gone, also where the days have come back since.
    """
    record = _record(settings)
    if not record.exists():
        raise UsageError("no build on Spark has ended since the last one began: run `ingest spark`")
    build = SparkBuild(**json.loads(record.read_text(encoding="utf-8")))
    now = _sums(project)
    changed = [f"seeds/{name}.csv" for name in SEEDS if now[name] != build.seeds.get(name)]
    if changed:
        raise UsageError(
            f"{', '.join(changed)} changed since the build on Spark: run `ingest spark`"
        )
    if build.archived:
        raise UsageError(
            f"the build on Spark lacks {len(build.archived)} archived days: run `ingest archive"
            f" restore market_ticks {build.archived[0]} {build.archived[-1]}`, then `ingest export`"
            " and `ingest spark`"
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
