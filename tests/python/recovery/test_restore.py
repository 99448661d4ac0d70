"""What was landed by any moment is what a restore to that moment holds, to the last column."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb.sqltypes import DuckDBPyType
from testkit import ask, held

from python_ingest.errors import BackupDamagedError, BackupError, DatabaseBusyError
from python_ingest.landing.land import land_files, land_pending
from python_ingest.recovery import restore as restore_module
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import Restored, restore
from python_ingest.recovery.verify import verify_backups
from python_ingest.schema.migrate import migrate
from python_ingest.schema.version import migrations
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

from .conftest import Land, contents


def landed_at(settings: Settings) -> list[datetime]:
    rows = ask(settings, "select landed_at from raw.landings order by batch_id")
    return [row[0] for row in rows]


def test_random_points_in_time(settings: Settings, land: Land, tmp_path: Path) -> None:
    rng = random.Random(11)  # noqa: S311
    land()
    first = create_backup(settings, "full").manifest
    for number in range(20):
        land()
        if number in (2, 3, 9, 15, 16):
            create_backup(settings, "incremental")
        if number in (6, 12):
            create_backup(settings, "full")
    last = create_backup(settings).manifest
    assert last.kind == "incremental"
    span = (last.taken_at - first.taken_at) / timedelta(microseconds=1)
    moments = [first.taken_at + timedelta(microseconds=rng.randrange(int(span))) for _ in range(17)]
    # at the very moment of a landing it is in, right before it is not; and the end
    edge = landed_at(settings)[10]
    moments += [edge, edge - timedelta(microseconds=1), last.taken_at]
    batches = set()
    for number, at in enumerate(moments):
        done = restore(settings, tmp_path / f"restored{number}", at)
        assert done.notes == []
        expected = contents(settings.database_path, at)
        assert contents(done.path / "trading.duckdb") == expected, at
        assert done.last_batch == len(expected["landings"])
        batches.add(done.last_batch)
    assert len(batches) > 8
    newest = restore(settings, tmp_path / "newest")
    assert contents(newest.path / "trading.duckdb") == contents(settings.database_path)
    assert verify_backups(settings) == []


@pytest.mark.parametrize("side", ["database", "tables"])
def test_every_table_comes_back_from_either_side(
    settings: Settings, land: Land, tmp_path: Path, side: str
) -> None:
    for _ in range(4):
        land()
    with open_writer(settings) as connection:  # what dbt builds, with types Parquet has not
        connection.execute("create schema warm_too")
        connection.execute(
            'create table warm_too.sums as select batch_id as "a b", sum(tick_id)::hugeint as s,'
            " gen_random_uuid() as u, ['x', null] as l, {'j': '{\"k\": 1}'::json} as j,"
            " {'HUGEINT': s, 'b a': -s} as ratio, [s << 30, null] as many, 7::uhugeint as whole,"
            " [{'k': [s]}] as deep, map {'x': s} as mapped"
            " from raw.market_ticks group by all"
        )
    full = create_backup(settings, "full").manifest
    land()
    create_backup(settings, "incremental")
    if side == "tables":
        assert full.database is not None
        flip_a_bit(Path(settings.backup_store) / full.database.key)
    done = restore(settings, tmp_path / "restored")
    assert [note.split(" ")[2] for note in done.notes] == ["of"] * (side == "tables")
    assert contents(done.path / "trading.duckdb") == contents(settings.database_path)
    with duckdb.connect() as both:
        both.execute(f"attach '{settings.database_path}' as old (read_only)")
        both.execute(f"attach '{done.path / 'trading.duckdb'}' as new (read_only)")
        sums = both.execute("from old.warm_too.sums order by all").fetchall()
        assert sums == both.execute("from new.warm_too.sums order by all").fetchall() != []
        described = "select column_name, data_type from duckdb_columns() where table_name = 'sums'"
        assert len(set(both.execute(described).fetchall())) == 10


# What a value of a type is cast from; of the others 1.
EXAMPLES = {
    "date": "'2024-02-29'",
    "timestamp": "'2024-02-29 23:59:59.999999'",
    "time": "'23:59:59.999999'",
    "interval": "'3 days 01:02:03'",
    "uuid": "'8f5a3c1e-0000-4000-8000-000000000001'",
}


def example(of: DuckDBPyType) -> str:
    if of.id == "struct":
        return "{" + ", ".join(f"'{name}': {example(field)}" for name, field in of.children) + "}"
    if of.id == "list":
        return f"[{example(of.children[0][1])}, null]"
    return EXAMPLES.get(of.id, "'1'")


def test_a_value_of_every_type_that_models_have_comes_back(
    sample: Path, settings: Settings, land: Land, tmp_path: Path
) -> None:
    """Also of a column that has none yet: 128 bits in a struct came with the first spin-off."""
    types = ask(
        sample,
        "select distinct data_type from duckdb_columns() inner join duckdb_tables()"
        " using (database_oid, schema_oid, table_oid) where not temporary order by all",
    )
    with duckdb.connect() as connection:
        values = ", ".join(
            f"{example(connection.sql(f'select null::{name}').types[0])}::{name} as c{number}"
            for number, (name,) in enumerate(types)
        )
    land()
    with open_writer(settings) as connection:
        connection.execute("create schema of_models")
        connection.execute(f"create table of_models.all_types as select {values}")
    full = create_backup(settings, "full").manifest
    assert full.database is not None
    flip_a_bit(Path(settings.backup_store) / full.database.key)
    path = restore(settings, tmp_path / "restored").path
    (row,) = ask(path, "from of_models.all_types")
    assert row == ask(settings, "from of_models.all_types")[0]
    assert len(row) == len(types) > 20
    assert None not in row


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_damage_on_both_sides_restores_nothing(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    full = create_backup(settings, "full").manifest
    assert full.database is not None
    flip_a_bit(Path(settings.backup_store) / full.database.key)
    ticks = next(table for table in full.tables if table.name == "market_ticks")
    flip_a_bit(Path(settings.backup_store) / ticks.file.key)
    with pytest.raises(BackupDamagedError, match=r"raw.market_ticks.parquet is damaged"):
        restore(settings, tmp_path / "new" / "restored")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_damaged_segment_restores_nothing(settings: Settings, land: Land, tmp_path: Path) -> None:
    land()
    full = create_backup(settings, "full").manifest
    land()
    made = create_backup(settings, "incremental").manifest
    assert made.pack is not None
    flip_a_bit(Path(settings.backup_store) / made.pack.key)
    with pytest.raises(BackupDamagedError, match=r"segments.tar is damaged"):
        restore(settings, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()
    assert restore(settings, tmp_path / "before", full.taken_at).segments == 0


def test_dual_write_goes_on_after_a_restore(settings: Settings, land: Land, tmp_path: Path) -> None:
    """It has written batch 2 of 3, and after a restore to the first begins with what lands next."""
    state = settings.data_dir / "migration" / "state.json"

    def told(**state_of: Any) -> None:
        state.parent.mkdir(exist_ok=True)
        state.write_text(json.dumps({"dual_write_from": 0, "migrated": {"x": {}}, **state_of}))

    land()
    full = create_backup(settings, "full").manifest  # no move yet
    land()
    land()
    told(replayed_to=2, orders_replayed_to=1)
    create_backup(settings, "incremental")
    done = restore(settings, tmp_path / "newest")
    after = json.loads((done.path / "migration" / "state.json").read_text())
    assert after == json.loads(state.read_text())
    assert any("extracts/ is in no backup" in note for note in done.notes)
    assert not (restore(settings, tmp_path / "full", full.taken_at).path / "migration").exists()
    first = restore(settings, tmp_path / "first", full.taken_at + timedelta(microseconds=1))
    after = json.loads((first.path / "migration" / "state.json").read_text())
    assert (after["replayed_to"], after["orders_replayed_to"], after["migrated"]) == (
        1,
        1,
        {"x": {}},
    )
    state.write_text("damaged")
    assert create_backup(settings, "full").manifest.migration is None


def test_own_feeds_come_back_as_they_were(settings: Settings, land: Land, tmp_path: Path) -> None:
    """One that replaces a vendor's reads files otherwise: after a restore as well."""
    feeds = settings.data_dir / "feeds"

    def restored(name: str, at: datetime | None = None) -> dict[str, str]:
        folder = restore(settings, tmp_path / name, at).path / "feeds"
        return {path.name: path.read_text() for path in folder.glob("*")}

    land()
    none = create_backup(settings, "full").manifest
    feeds.mkdir()
    first = {"ours.toml": 'name = "ours"\n', "kraken-trades.toml": 'name = "kraken-trades"\n'}
    for name, text in first.items():
        (feeds / name).write_text(text)
    (feeds / "notes.txt").write_text("of no feed")
    full = create_backup(settings, "full").manifest
    (feeds / "ours.toml").unlink()
    (feeds / "OTHER.TOML").write_text("é")
    newest = {"kraken-trades.toml": first["kraken-trades.toml"], "OTHER.TOML": "é"}
    land()
    create_backup(settings, "incremental")
    assert restored("newest") == newest
    assert restored("full", full.taken_at) == first
    assert restored("none", none.taken_at) == {}
    (feeds / "OTHER.TOML").write_bytes(b"\xff")
    made = create_backup(settings, "full")
    assert any("OTHER.TOML" in note for note in made.notes)
    assert restored("unreadable") == {"kraken-trades.toml": first["kraken-trades.toml"]}


def test_feeds_that_lie_elsewhere_stay_there(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "feeds"
    elsewhere.mkdir()
    (elsewhere / "ours.toml").write_text('name = "ours"\n')
    land()
    named = settings.landing.model_copy(update={"feeds": str(elsewhere)})
    create_backup(settings.model_copy(update={"landing": named}), "full")
    assert not (restore(settings, tmp_path / "restored").path / "feeds").exists()


def test_moments_that_no_backup_reaches(settings: Settings, land: Land, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no full backup"):
        restore(settings, tmp_path / "restored")
    land()
    made = create_backup(settings).manifest
    for at, says in [
        (made.taken_at - timedelta(microseconds=1), "before the oldest"),
        (made.taken_at + timedelta(microseconds=1), "ingest backup create"),
    ]:
        with pytest.raises(BackupError, match=says):
            restore(settings, tmp_path / "restored", at)
    assert not (tmp_path / "restored").exists()


def test_what_is_there_is_set_aside_only_when_asked(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    create_backup(settings)
    before = contents(settings.database_path)
    land()
    with pytest.raises(BackupError, match=r"is there already.*--force"):
        restore(settings, settings.data_dir)
    done = restore(settings, settings.data_dir, force=True)
    assert contents(settings.database_path) == before
    assert done.kept is not None
    assert len(contents(done.kept / "trading.duckdb")["landings"]) == len(before["landings"]) + 1
    # what had landed and was in no backup is still in the spool of the folder set aside
    spool = settings.spool_dir
    spool.mkdir()
    for file in (done.kept / "spool" / "landed").iterdir():
        (spool / file.name).write_bytes(file.read_bytes())
    land_pending(settings)
    now, then = contents(settings.database_path), contents(done.kept / "trading.duckdb")
    assert [row[:9] for row in now["landings"]] == [row[:9] for row in then["landings"]]
    assert len(now["market_ticks"]) == len(then["market_ticks"])


def test_all_of_it_is_on_the_disk_before_it_is_in_its_place(
    settings: Settings, land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land()
    create_backup(settings)
    synced: list[Path] = []
    monkeypatch.setattr(restore_module, "sync_to_disk", synced.append)
    move, before = restore_module.move_into_place, set[Path]()

    def moving(folder: Path, to: Path, *, force: bool) -> Path | None:
        before.update((folder, *folder.rglob("*")))
        assert before <= set(synced)
        return move(folder, to, force=force)

    monkeypatch.setattr(restore_module, "move_into_place", moving)
    restore(settings, tmp_path / "restored")
    assert len(before) > 1


def test_a_link_to_the_folder_stays_one(settings: Settings, land: Land, tmp_path: Path) -> None:
    land()
    create_backup(settings)
    before = contents(settings.database_path)
    disk = tmp_path / "disk" / "warehouse"
    disk.parent.mkdir()
    settings.data_dir.rename(disk)
    settings.data_dir.symlink_to(disk)
    land()
    done = restore(settings, settings.data_dir, force=True)
    assert settings.data_dir.is_symlink()
    assert contents(disk / "trading.duckdb") == before
    assert done.kept is not None
    assert done.kept.parent == disk.parent
    inside = settings.backup.model_copy(update={"store": str(disk / "backups")})
    with pytest.raises(BackupError, match="the backups lie in"):
        restore(settings.model_copy(update={"backup": inside}), settings.data_dir, force=True)


def test_a_database_in_use_is_not_set_aside(settings: Settings, land: Land) -> None:
    land()
    create_backup(settings)
    with (
        held(settings.database_path) as holder,
        pytest.raises(DatabaseBusyError, match=f"is held by process {holder} "),
    ):
        restore(settings, settings.data_dir, force=True)


def test_backups_inside_the_target_are_not_set_aside(settings: Settings, land: Land) -> None:
    inside = settings.model_copy(
        update={"backup": settings.backup.model_copy(update={"store": ""})}
    )
    land()
    create_backup(inside)
    assert Path(inside.backup_store).is_relative_to(settings.data_dir)
    with pytest.raises(BackupError, match="the backups lie in"):
        restore(inside, settings.data_dir, force=True)


def test_after_a_restore_to_an_earlier_time_a_new_set_begins(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    """Two databases have a batch 2 then; a restore never mixes them."""
    land()
    early = create_backup(settings).manifest
    land()
    later = create_backup(settings).manifest
    restored = restore(settings, tmp_path / "restored", early.taken_at).path
    moved = settings.model_copy(
        update={"data_dir": restored, "database_path": restored / "trading.duckdb"}
    )
    path = tmp_path / "other.csv"
    path.write_text("exchange,symbol,timestamp,last_price,trade_id\nx,other,2024-01-02,1,1\n")
    land_files(moved, "ticks", [path])
    with pytest.raises(BackupError, match=f"batch 2 of {later.id} is not in this database"):
        create_backup(moved, "incremental")
    made = create_backup(moved)
    assert made.manifest.kind == "full"
    assert any("cannot be restored" in note for note in made.notes)
    for at, expected in [
        (later.taken_at, contents(settings.database_path)),
        (None, contents(restored / "trading.duckdb")),
    ]:
        done = restore(settings, tmp_path / f"again{at is None}", at)
        assert contents(done.path / "trading.duckdb") == expected
    with pytest.raises(BackupError, match="reach to"):
        restore(settings, tmp_path / "between", later.taken_at + timedelta(microseconds=1))


@pytest.mark.parametrize("version", [number for number, _, _ in migrations()])
def test_a_backup_of_any_older_schema_becomes_a_current_one(
    settings: Settings, tmp_path: Path, version: int
) -> None:
    """From its copy of the database, and where that is damaged from its tables."""
    with open_writer(settings) as connection:
        migrate(connection, up_to=version)
        # landing needs the newest schema
        connection.execute(
            "insert into raw.cash_events by name select 1 as batch_id, 1 as row_number,"
            " 'e' as event_id, now()::timestamp as event_time, 'deposit' as kind, 1.5 as amount,"
            " 'USD' as currency, 'rest' as source, now()::timestamp as ingestion_time,"
            " 7 as content_hash"
        )
    full = create_backup(settings).manifest
    assert full.schema_version == version
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        (before,) = connection.execute("from raw.cash_events").fetchall()
    assert_restored(restore(settings, tmp_path / "restored"), version, before)
    assert full.database is not None
    flip_a_bit(Path(settings.backup_store) / full.database.key)
    assert_restored(restore(settings, tmp_path / "of tables"), version, before)


def assert_restored(done: Restored, version: int, before: tuple[Any, ...]) -> None:
    names = [name for number, name, _ in migrations() if number > version]
    assert [note for note in done.notes if "usable" not in note] == (
        [f"brought to this version: {', '.join(names)}"] if names else []
    )
    with duckdb.connect(str(done.path / "trading.duckdb")) as connection:
        assert migrate(connection) == []
        assert connection.execute(
            "select version, name from raw.schema_versions order by all"
        ).fetchall() == [(number, name) for number, name, _ in migrations()]
        # what the schema gained since then stands behind
        (event,) = connection.execute("from raw.cash_events").fetchall()
    assert event[: len(before)] == before
    assert event[len(before) :] in ((), ("main", None, None, None, None))
