"""Landed segments stay until they are published, a day old and in a backup set."""

import os
import shutil
from pathlib import Path

import pytest
from testkit import held

from python_ingest.cli import cycle
from python_ingest.cli.audited import AuditResult
from python_ingest.cli.dbt_run import BuildSummary
from python_ingest.errors import BackupError
from python_ingest.landing.land import land_files
from python_ingest.landing.spool import Segment
from python_ingest.lifecycle import safe_segments
from python_ingest.lifecycle.safe_segments import remove_safe_segments
from python_ingest.publication.publish import publish
from python_ingest.recovery import create
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

from .conftest import Land, contents


def landed(settings: Settings) -> list[str]:
    folder = settings.spool_dir / "landed"
    names = sorted(path.stem for path in folder.glob("*.json"))
    assert names == sorted(path.stem for path in folder.glob("*.parquet"))
    return names


def publish_landings(settings: Settings) -> None:
    with open_writer(settings) as connection:
        connection.execute("create or replace view main.landings as select * from raw.landings")
    publish(settings)


def make_old(settings: Settings, names: list[str]) -> list[str]:
    """Give segments names of the day before."""
    renamed = []
    for name in names:
        when, rest = name.split("-", 1)
        old = f"{int(when) - 25 * 3600 * 10**9:020d}-{rest}"
        for suffix in (".parquet", ".json"):
            path = settings.spool_dir / "landed" / f"{name}{suffix}"
            if suffix == ".json":
                path.write_text(path.read_text().replace(name, old))
            path.rename(path.with_name(old + suffix))
        renamed.append(old)
    return renamed


def test_two_may_remove_them_at_once(
    settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cycle and a backup."""
    for _ in range(2):
        land()
    make_old(settings, landed(settings))
    publish_landings(settings)
    monkeypatch.setattr(create, "remove_safe_segments", lambda _: 0)
    create_backup(settings)

    def removed_by_another(_: Segment) -> float:
        for file in (settings.spool_dir / "landed").iterdir():
            file.unlink()
        return 25 * 3600

    monkeypatch.setattr(safe_segments, "age_seconds", removed_by_another)
    assert remove_safe_segments(settings) == 0


def test_all_three_must_be_true(settings: Settings, land: Land) -> None:
    for _ in range(3):
        land()
    names = make_old(settings, landed(settings))
    assert remove_safe_segments(settings) == 0  # neither backed up nor published
    create_backup(settings)
    assert landed(settings) == names  # not published
    publish_landings(settings)
    land()
    land()
    (newer, newest) = sorted(set(landed(settings)) - set(names))
    (newer,) = make_old(settings, [newer])
    assert remove_safe_segments(settings) == 3
    assert landed(settings) == [newer, newest]  # published and backed up neither
    publish_landings(settings)
    assert remove_safe_segments(settings) == 0  # not backed up
    made = create_backup(settings, "incremental")
    assert made.removed_segments == 1
    assert landed(settings) == [newest]  # not a day old


def test_a_cycle_removes_them(
    settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    land()
    make_old(settings, landed(settings))
    create_backup(settings)
    with open_writer(settings) as connection:
        connection.execute("create view main.landings as select * from raw.landings")
    monkeypatch.setattr(cycle, "load_settings", lambda: settings)
    monkeypatch.setattr(cycle, "land_telemetry", lambda _: None)
    manifest = settings.data_dir / "manifest.json"
    manifest.write_text('{"nodes": {}, "sources": {}, "parent_map": {}, "child_map": {}}')
    monkeypatch.setattr(cycle, "dbt_build", lambda *_, **__: BuildSummary(1, 1, [], manifest))
    monkeypatch.setattr(cycle, "audit", lambda _: AuditResult(passed=True, batch_id=1))
    cycle.cycle()
    assert landed(settings) == []


def test_nothing_is_lost_by_it(settings: Settings, land: Land, tmp_path: Path) -> None:
    create_after = [2, 5, 6]
    for number in range(8):
        land()
        publish_landings(settings)
        if number in create_after:
            create_backup(settings)
            make_old(settings, landed(settings))
            remove_safe_segments(settings)
            assert landed(settings) == []
    create_backup(settings, "full")
    create_backup(settings, "incremental")
    done = restore(settings, tmp_path / "restored")
    assert contents(done.path / "trading.duckdb") == contents(settings.database_path)


def test_another_database_publishes_no_promise(settings: Settings, land: Land) -> None:
    """A marker that names a batch the publication does not know removes nothing."""
    land()
    publish_landings(settings)
    create_backup(settings)
    marker = settings.data_dir / "backup.json"
    text = marker.read_text()
    make_old(settings, landed(settings))
    marker.write_text(text.replace('"sha256": "', '"sha256": "0'))
    assert remove_safe_segments(settings) == 0
    marker.write_text(text)
    assert remove_safe_segments(settings) == 1


def test_ticks_that_are_held_back_keep_their_segments(settings: Settings, land: Land) -> None:
    """A server that starts has them from nowhere else."""
    land()
    with open_writer(settings) as connection:
        connection.execute("create view main.market_ticks as select * from raw.market_ticks")
    publish_landings(settings)
    (first,) = landed(settings)
    land()
    publish(settings, {"market_ticks": "ticks"}, {"ticks": "a test failed"})
    (held,) = make_old(settings, sorted(set(landed(settings)) - {first}))
    make_old(settings, [first])
    create_backup(settings)
    assert landed(settings) == [held]
    publish_landings(settings)
    assert remove_safe_segments(settings) == 1


def test_a_new_database_has_batches_that_no_backup_has(settings: Settings, land: Land) -> None:
    """The backup's database is lost; the new one has not landed as many batches yet."""
    for _ in range(3):
        land()
    create_backup(settings)
    marker = (settings.data_dir / "backup.json").read_text()
    shutil.rmtree(settings.data_dir)
    for _ in range(2):
        land()
    (settings.data_dir / "backup.json").write_text(marker)
    names = make_old(settings, landed(settings))
    publish_landings(settings)
    assert remove_safe_segments(settings) == 0
    assert landed(settings) == names


def test_a_segment_that_is_gone_makes_a_full_backup_due(settings: Settings, land: Land) -> None:
    land()
    create_backup(settings)
    land()
    for path in (settings.spool_dir / "landed").iterdir():
        path.unlink()
    with pytest.raises(BackupError, match=r"its segment is not in .*--full"):
        create_backup(settings, "incremental")
    made = create_backup(settings)
    assert made.manifest.kind == "full"
    assert "its segment is not in" in made.notes[0]


def test_a_damaged_description_makes_a_full_backup_due(settings: Settings, land: Land) -> None:
    land()
    create_backup(settings)
    land()
    damaged = settings.spool_dir / "landed" / f"{landed(settings)[-1]}.json"
    damaged.write_text(damaged.read_text()[:40])
    with pytest.raises(BackupError, match=r"json cannot be read .*--full"):
        create_backup(settings, "incremental")
    made = create_backup(settings)
    assert made.manifest.kind == "full"
    assert f"{damaged} cannot be read" in made.notes[0]


def test_a_damaged_description_keeps_no_other_segment(settings: Settings, land: Land) -> None:
    for _ in range(2):
        land()
    damaged, _ = make_old(settings, landed(settings))
    publish_landings(settings)
    (settings.spool_dir / "landed" / f"{damaged}.json").write_text("{")
    assert create_backup(settings).removed_segments == 1
    assert landed(settings) == [damaged]


def test_a_segment_written_over_in_place_is_noticed(settings: Settings, tmp_path: Path) -> None:
    """A canonical Parquet file is its own segment, a private copy of what the user has."""
    create = "exchange varchar, symbol varchar, timestamp timestamp, last_price decimal(18, 8)"
    path = tmp_path / "ticks.parquet"
    with open_writer(settings) as connection:
        connection.execute(f"create temp table t ({create})")
        connection.execute("insert into t values ('x', 's', timestamp '2024-01-02', 1.5)")
        connection.execute(f"copy t to '{path}' (format parquet)")
    (result,) = land_files(settings, "ticks", [path])
    assert result.state == "landed"
    create_backup(settings)
    other = tmp_path / "other.parquet"
    with open_writer(settings) as connection:
        connection.execute(f"copy (select * replace (2.5::decimal(18, 8) as last_price) from"
                           f" '{path}') to '{other}' (format parquet)")  # fmt: skip
    (result,) = land_files(settings, "ticks", [other])
    segments = sorted(
        (settings.spool_dir / "landed").glob("*.parquet"), key=lambda p: p.stat().st_mtime
    )
    assert not segments[-1].samefile(other)
    with os.fdopen(os.open(segments[-1], os.O_WRONLY), "wb") as file:
        file.write(b"other")
    with pytest.raises(BackupError, match="was changed after it had been landed"):
        create_backup(settings, "incremental")


def test_a_segment_whose_loader_has_yet_to_move_it_is_found(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    create_backup(settings)
    land()
    land()
    folder = settings.spool_dir / "landed"
    newest = landed(settings)[-1]
    for suffix in (".json", ".parquet"):
        (folder / f"{newest}{suffix}").rename(settings.spool_dir / f"{newest}{suffix}")
    create_backup(settings, "incremental")
    done = restore(settings, tmp_path / "restored")
    assert contents(done.path / "trading.duckdb") == contents(settings.database_path)


def test_a_segment_that_waits_is_not_taken_for_one_of_its_content_that_landed(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    create_backup(settings)
    path = tmp_path / "once.csv"
    path.write_text("symbol,timestamp,last_price,trade_id\ns,2024-01-02T00:00:00Z,1,1\n")
    assert [r.state for r in land_files(settings, "ticks", [path], exchange="x")] == ["landed"]
    pool = settings.pool.model_copy(update={"connection_timeout_ms": 50})
    impatient = settings.model_copy(update={"pool": pool})
    with held(settings.database_path):
        (waits,) = land_files(impatient, "ticks", [path], exchange="y", again=True)
    assert waits.state == "spooled"
    create_backup(settings, "incremental")
    done = restore(settings, tmp_path / "restored")
    assert done.notes == []
    assert contents(done.path / "trading.duckdb") == contents(settings.database_path)
