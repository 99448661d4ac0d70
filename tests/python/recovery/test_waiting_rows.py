"""Rows that wait for an archived day wait in a restore too, those of that moment and no others."""

from pathlib import Path

import duckdb
from testkit import register_cold_file

from python_ingest.landing.land import land_files, land_pending
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.recovery.verify import verify_backups
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

DAYS = ("2025-01-02", "2025-01-03")


def archive(settings: Settings) -> None:
    """Say that days of ticks have lain in the archive only, since before any backup."""
    object_ = settings.data_dir.parent / "archived"
    object_.write_bytes(b"x")
    with open_writer(settings) as connection:
        migrate(connection)
        for number, day in enumerate(DAYS):
            said = {"file_id": number, "object_url": str(object_)}
            register_cold_file(connection, "market_ticks", day, **said)


def bring_back(settings: Settings, *days: str) -> None:
    with duckdb.connect(str(settings.database_path)) as connection:
        for day in days:
            connection.execute("delete from raw.cold_files where date = ?::date", [day])


def land(settings: Settings, folder: Path, name: str) -> None:
    """Land three identical rows without an id of each archived day, and one of another day."""
    path = folder / f"{name}.csv"
    rows = [f"x,{name},{day},1" for day in (*DAYS, *DAYS, *DAYS, "2025-01-09")]
    path.write_text("\n".join(["exchange,symbol,timestamp,last_price", *rows]) + "\n")
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (1, 6)


def counted(settings: Settings) -> dict[tuple[str, str], int]:
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        return {
            (symbol, day): rows
            for symbol, day, rows in connection.execute(
                "select symbol, timestamp::date::varchar, count(*) from raw.market_ticks"
                " group by all"
            ).fetchall()
        }


def of(names: str, *days: str) -> dict[tuple[str, str], int]:
    return {(name, day): 3 for name in names for day in days}


def test_what_waited_at_a_moment_waits_in_its_restore(settings: Settings, tmp_path: Path) -> None:
    archive(settings)
    land(settings, tmp_path, "a")
    at_full = create_backup(settings, "full").manifest.taken_at
    land(settings, tmp_path, "b")
    middle = create_backup(settings, "incremental").manifest.taken_at
    bring_back(settings, DAYS[0])
    create_backup(settings, "full")  # as is due when days were brought back
    assert sum(result.landed for result in land_pending(settings)) == 6
    create_backup(settings, "incremental")
    assert verify_backups(settings) == []
    with_9th = {(name, "2025-01-09"): 1 for name in "ab"}
    for name, at, there, waits in (
        ("full", at_full, {}, of("a", *DAYS)),
        ("middle", middle, {}, of("ab", *DAYS)),
        ("newest", None, of("ab", DAYS[0]), of("ab", DAYS[1])),
    ):
        done = restore(settings, tmp_path / name, at)
        restored = settings.model_copy(
            update={"data_dir": done.path, "database_path": done.path / "trading.duckdb"}
        )
        others = {key: 1 for key in with_9th if name != "full" or key[0] == "a"}
        assert counted(restored) == others | there
        assert [path.name for path in (done.path / "spool").iterdir()] == ["waiting"]
        bring_back(restored, *DAYS)
        assert sum(result.landed for result in land_pending(restored)) == sum(waits.values())
        assert counted(restored) == others | there | waits
        assert list((done.path / "spool" / "waiting").iterdir()) == []
