"""What the last build on Spark was made of: `DATA_DIR/spark/built.json`, once it has ended."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from python_ingest.errors import UsageError
from python_ingest.settings import Settings
from python_ingest.spark.handover import archived_days, current_folder
from python_ingest.storage.files import sha256_of, write_whole
from python_ingest.storage.sql import sql_path, value_of
from python_ingest.storage.writer import open_writer

# Those that bars are made with (int_reference).
SEEDS = ("exchanges", "exchange_calendar", "instruments", "timeframes", "trade_conditions")


@dataclass(frozen=True)
class SparkBuild:
    """What a build on Spark was made of.

    The newest batch that was in its export, the hex sha256 of each seed's file, the days
    (YYYY-MM-DD) that the export lacked, since they lay in the archive only, and when its newest
    batch landed: another database, or one that was restored, may have others under its numbers.
    """

    batch: int
    seeds: dict[str, str]
    # A build of before says neither.
    archived: list[str] = field(default_factory=list)
    landed_at: str | None = None


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
    batch, landed_at = _newest_batch(folder)
    return SparkBuild(batch, _sums(project), archived_days(folder), landed_at)


def finish(settings: Settings, build: SparkBuild) -> None:
    """Note that the build ended well."""
    write_whole(_record(settings), json.dumps(asdict(build)))


def collectable(settings: Settings, project: Path) -> SparkBuild:
    """Return the last build, when the database may take its rows.

    Raises UsageError when there is none that ended, when it was made with other seeds, without
    archived days (their bars would be gone, also where the days have come back since), or of
    batches that this database does not have.
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
    if build.landed_at is not None and not _has_landed(settings, build):
        raise UsageError(
            f"batch {build.batch} of the build on Spark is not in this database: run `ingest"
            " export` and `ingest spark`"
        )
    return build


def _record(settings: Settings) -> Path:
    return settings.data_dir / "spark" / "built.json"


def _newest_batch(folder: Path) -> tuple[int, str | None]:
    """Return the newest batch of an export and when it landed; 0 and None when it has none."""
    landings = sql_path(folder / "landings" / "*.parquet")
    newest = f"select batch_id, landed_at::varchar from {landings} order by batch_id desc limit 1"
    rows = duckdb.execute(newest).fetchall()
    return (int(rows[0][0]), str(rows[0][1])) if rows else (0, None)


def _has_landed(settings: Settings, build: SparkBuild) -> bool:
    with open_writer(settings) as connection:
        same = "select count(*) from raw.landings where batch_id = ? and landed_at = ?::timestamp"
        return bool(value_of(connection, same, [build.batch, build.landed_at]))


def _sums(project: Path) -> dict[str, str]:
    return {name: sha256_of(project / "seeds" / f"{name}.csv") for name in SEEDS}
