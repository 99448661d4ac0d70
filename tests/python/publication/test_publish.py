import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from testkit import ask

from python_ingest.cli.publish import publish_command
from python_ingest.errors import (
    DatabaseBusyError,
    IngestError,
    NotInitialisedError,
    NotPublishedError,
)
from python_ingest.publication import views
from python_ingest.publication.attached import opened
from python_ingest.publication.publish import publish
from python_ingest.publication.status import STATUS
from python_ingest.publication.versions import named_cold_files, newest_manifest
from python_ingest.publication.views import Relation
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer, session_config

VIEWS = """
create schema raw;
create schema staging;
create table raw.orders as select 1 as not_needed_by_main;
create table raw.ticks as select i as tick_id, 1.5::decimal(38, 8) as price from range(1000) r(i);
create view staging.stg_ticks as
    with t as (select * from trading.raw.ticks as x) select *, 'trading.raw' as said from t;
create view market_ticks as select * from "trading"."staging"."stg_ticks";
"""


def build(settings, sql: str) -> None:
    with open_writer(settings) as connection:
        connection.execute(sql)


def total(path) -> int:
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute("select count(*) from market_ticks").fetchone()[0]


def test_a_publication_holds_everything_and_its_checksum(settings):
    build(settings, VIEWS)
    publication = publish(settings)
    assert publication.rows == {"internal.raw__ticks": 1000}
    content = settings.published_path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == publication.sha256
    (version,) = (settings.published_path.parent / "versions").iterdir()
    assert json.loads((version / "manifest.json").read_text())["sha256"] == publication.sha256
    shown = (
        "select table_name from information_schema.tables where table_schema = 'main' order by 1"
    )
    assert ask(settings.published_path, shown) == [("market_ticks",), (STATUS,)]
    assert ask(settings.published_path, "select count(*) from market_ticks") == [(1000,)]


def test_views_follow_the_file_under_any_name(settings, tmp_path):
    build(settings, VIEWS)
    publish(settings)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{settings.published_path}' as elsewhere (read_only)")
        row = connection.execute(
            "select count(*), any_value(said), typeof(any_value(price)) from elsewhere.market_ticks"
        ).fetchone()
    assert row == (1000, "trading.raw", "DECIMAL(38,8)")


def test_a_text_is_parsed_once_for_each_name_that_it_gets(settings, monkeypatch):
    parsed = []
    original = views._parsed
    monkeypatch.setattr(
        views, "_parsed", lambda *given: parsed.append(given[1]) or original(*given)
    )
    text = "CREATE VIEW v AS SELECT once FROM trading.raw.ticks;"
    with duckdb.connect(config=session_config(settings)) as connection:
        for _ in range(2):
            of_it = [
                views.portable_view(connection, text, "trading", *more).select
                for more in ((), (Relation.published,), (Relation.in_warehouse,))
            ]
            assert of_it == [
                "SELECT once FROM raw.ticks",
                "SELECT once FROM internal.raw__ticks AS ticks",
                "SELECT once FROM raw.ticks",
            ]
            assert views.reads_of(connection, "select 1 from raw.once") == {Relation("raw", "once")}
    assert len(parsed) == 4


NAMES = """
create schema raw;
create schema staging;
create schema "odd schema";
create table raw.orders as select 1 as order_id;
create table staging.orders as select 2 as order_id;
create table "odd schema"."a__b" as select 3 as order_id;
create view main.orders as select orders.order_id, staged.order_id as other, "a__b".order_id as odd
    from trading.raw.orders cross join trading.staging.orders as staged
    cross join trading."odd schema"."a__b";
"""


def test_people_see_schema_main_and_the_rest_lies_in_one_other(settings):
    build(settings, NAMES)
    publish(settings)
    with duckdb.connect(str(settings.published_path), read_only=True) as reader:
        assert reader.execute("from orders").fetchall() == [(1, 2, 3)]
        found = reader.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name <> 'main'"
        ).fetchall()
    names = {"raw__orders", "staging__orders", "odd schema__a__b"}
    assert set(found) == {("internal", name) for name in names}
    for name in names:
        assert Relation("internal", name).in_warehouse().published().name == name


TICKS = """
create schema raw;
create schema staging;
create table raw.market_ticks as
    select i as tick_id, timestamp '2026-01-05' + to_hours(i::integer) as timestamp,
        timestamp::date as date, 'binance' as exchange, 'BTCUSDT' as symbol from range(1000) r(i);
create view staging.stg_ticks as
    select *, tick_id % 7 = 0 as is_busted from trading.raw.market_ticks{cold};
create view market_ticks as select * from trading.staging.stg_ticks where tick_id <> 5;
"""


def test_ticks_are_stored_as_they_are_read(settings):
    build(settings, TICKS.format(cold=""))
    assert publish(settings).rows == {"main.market_ticks": 999}
    with duckdb.connect(str(settings.published_path), read_only=True) as reader:
        assert reader.execute("select table_name from duckdb_tables()").fetchall() == [
            ("market_ticks",),
            (STATUS,),
        ]
        assert reader.execute("from duckdb_views() where not internal").fetchall() == []
        busted = reader.execute("select count(*) from market_ticks where is_busted").fetchone()
    assert busted == (143,)


MANIFEST = """
create table raw.cold_files as
    select 'market_ticks' as relation, 1::bigint as file_id, '{path}' as path, date '{day}' as date,
        500::bigint as rows, '' as checksum, '' as sha256, null::varchar[] as columns,
        'local' as state, 1::bigint as max_batch_id;
"""


@pytest.mark.parametrize("day", ["2025-01-05", "2026-01-06"], ids=["alone", "beside landed ones"])
def test_ticks_that_lie_in_files_stay_there_and_show_once(settings, tmp_path, day):
    cold = tmp_path / "cold.parquet"
    duckdb.sql(
        f"select i as tick_id, timestamp '{day}' as timestamp, date '{day}' as date,"
        " 'binance' as exchange, 'ETHUSDT' as symbol from range(1000, 1500) r(i)"
    ).write_parquet(str(cold))
    files = f" union all by name select *, false as is_busted from read_parquet('{cold}')"
    build(settings, TICKS.format(cold=files) + MANIFEST.format(path=cold, day=day))
    for _ in range(2):  # written as a whole, then taken over
        rows = publish(settings).rows
        assert rows == {"internal.raw__market_ticks": 0, "internal.warm_rows__market_ticks": 999}
        with duckdb.connect(str(settings.published_path), read_only=True) as reader:
            counted = reader.execute(
                "select symbol, count(*), count(distinct tick_id), count(*) filter (is_busted)"
                " from market_ticks group by all order by 1"
            ).fetchall()
        assert counted == [("BTCUSDT", 999, 999, 143), ("ETHUSDT", 500, 500, 0)]


def test_a_landed_table_that_others_read_too_is_published_as_it_is(settings):
    build(
        settings, TICKS.format(cold="") + "create view t as select * from trading.raw.market_ticks"
    )
    assert publish(settings).rows == {"internal.raw__market_ticks": 1000}
    assert total(settings.published_path) == 999


def test_a_reader_keeps_the_old_file_and_the_next_one_sees_the_new(settings):
    build(settings, VIEWS)
    publish(settings)
    with duckdb.connect(str(settings.published_path), read_only=True) as early:
        build(settings, "delete from raw.ticks where tick_id >= 10")
        publish(settings)
        assert early.execute("select count(*) from market_ticks").fetchone() == (1000,)
    assert total(settings.published_path) == 10


def test_a_failed_publication_leaves_the_former_one_and_no_rubbish(settings):
    build(settings, VIEWS)
    publish(settings)
    build(settings, "drop view staging.stg_ticks; create view broken as select 1 as a")
    with pytest.raises(IngestError, match=r"main\.market_ticks reads staging\.stg_ticks"):
        publish(settings)
    assert total(settings.published_path) == 1000
    left = {path.name for path in settings.published_path.parent.iterdir()}
    assert left == {"trading.duckdb", "versions"}


def test_a_publication_is_on_the_disk_before_it_is_seen(settings, monkeypatch):
    build(settings, VIEWS)
    synced = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    publish(settings)
    versions = settings.published_path.parent / "versions"
    (version,) = versions.iterdir()
    needed = (versions, version, *version.iterdir(), settings.published_path.parent)
    assert [path.name for path in needed if path.stat().st_ino not in synced] == []


KILLED = """
import os, signal
from python_ingest.publication import publish
from python_ingest.settings import load_settings

publish.sha256_of = lambda copy: os.kill(os.getpid(), signal.SIGKILL)
publish.publish(load_settings())
"""


def test_what_a_killed_publication_left_is_removed(settings):
    build(settings, VIEWS)
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert list(settings.published_path.parent.rglob("trading.duckdb"))
    assert not settings.published_path.exists()
    publish(settings)
    left = {path.name for path in settings.published_path.parent.iterdir()}
    assert left == {"trading.duckdb", "versions"}


def test_none_is_made_beside_a_cycle(settings):
    """Nor beside `ingest compact`, which deletes the cold files that it would name."""
    build(settings, VIEWS)
    with (
        process_lock(settings.data_dir / "cycle.lock", "ingest cycle"),
        pytest.raises(DatabaseBusyError, match="another ingest cycle"),
    ):
        publish_command()
    assert not settings.published_path.exists()


def test_the_last_versions_are_kept(settings):
    build(settings, VIEWS)
    for _ in range(settings.publish.keep + 2):
        publish(settings)
    versions = sorted((settings.published_path.parent / "versions").iterdir())
    assert len(versions) == settings.publish.keep
    assert (versions[-1] / "trading.duckdb").samefile(settings.published_path)


def test_a_clock_that_was_ahead_once_makes_no_version_the_newest(settings):
    build(settings, VIEWS)
    for _ in range(settings.publish.keep):
        publish(settings)
    versions = settings.published_path.parent / "versions"
    for number, version in enumerate(sorted(versions.iterdir())):
        version.rename(versions / f"20991231T23595999999{number}Z")
    for number in range(1, settings.publish.keep + 2):
        build(settings, "insert into raw.ticks select 2000, 1.5")
        publication = publish(settings)
        manifest = newest_manifest(settings)
        assert json.loads(manifest.read_text())["published_at"] == publication.published_at
        assert manifest.with_name("trading.duckdb").samefile(settings.published_path)
        assert total(settings.published_path) == 1000 + number
    assert len(list(versions.iterdir())) == settings.publish.keep


def test_what_others_put_beside_versions_stays_and_is_in_nobodys_way(settings):
    build(settings, VIEWS)
    publish(settings)
    versions = settings.published_path.parent / "versions"
    (versions / ".DS_Store").write_text("of a file browser")
    (version,) = [path for path in versions.iterdir() if path.is_dir()]
    shutil.copytree(version, versions / "before the move")
    for _ in range(settings.publish.keep):
        published = publish(settings)
    assert len(list(versions.iterdir())) == settings.publish.keep + 2
    assert (versions / ".DS_Store").exists()
    # What is held back goes on with the newest one, and not with a copy of an old one.
    manifest = newest_manifest(settings)
    assert json.loads(manifest.read_text())["published_at"] == published.published_at


def test_a_version_that_somebody_reads_from_nfs_goes_later(settings, monkeypatch):
    """There a file that is open stays in its folder as .nfs..., and cannot be removed."""
    build(settings, VIEWS)
    publish(settings)
    (oldest,) = (settings.published_path.parent / "versions").iterdir()
    (oldest / ".nfs000001").write_text("x")
    unlink = os.unlink

    def busy(path, **more):
        if Path(path).name.startswith(".nfs"):
            raise OSError(errno.EBUSY, "Device or resource busy", path)
        unlink(path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", busy)
        for _ in range(settings.publish.keep + 1):
            publish(settings)
        assert [path.name for path in oldest.iterdir()] == [".nfs000001"]
        patch.setattr(os, "unlink", lambda path, **more: (_ for _ in ()).throw(OSError(5, "I/O")))
        with pytest.raises(OSError, match="I/O"):
            publish(settings)
    publish(settings)
    assert len(list(oldest.parent.iterdir())) == settings.publish.keep


@pytest.mark.parametrize("text", ["", "[]", '{"rows": '])
def test_a_damaged_description_stops_no_publication(settings, text):
    build(settings, VIEWS)
    publish(settings)
    damaged = newest_manifest(settings)
    damaged.write_text(text)
    with pytest.raises(IngestError, match=f"is damaged .* remove {damaged.parent} and run this"):
        named_cold_files(settings)
    for _ in range(settings.publish.keep):
        publish(settings)
    assert named_cold_files(settings) == set()


def test_without_a_database_it_says_what_to_run(settings):
    with pytest.raises(NotInitialisedError, match="ingest init"):
        publish(settings)
    assert not settings.database_path.exists()


def test_nothing_published_says_what_to_run(settings):
    with pytest.raises(NotPublishedError, match="ingest cycle"), opened(settings.published_path):
        pass


def test_a_lambda_has_the_form_that_each_engine_takes() -> None:
    """A file that DuckDB 1.5 made gives back an arrow for it, whatever was written."""
    text = (
        "CREATE VIEW v AS SELECT list_transform(given, (one -> (one + 1))) AS a,"
        " list_reduce(given, (\"row\"(x, y) -> (x + y))) AS b, (told -> '$.c') AS c"
        " FROM (SELECT [1, 2] AS given, '{\"c\": 3}'::json AS told);"
    )
    with duckdb.connect() as connection:
        select = views.portable_view(connection, text, "memory").select
        assert connection.execute(select).fetchall() == [([2, 3], 3, "3")]
        assert select.count("->") == 1
