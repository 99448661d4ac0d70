"""Cold files that lie on S3: written, read, pruned, merged, archived, published and restored."""

import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest
from s3_server import S3Server
from testkit import land_text

from python_ingest.archiving.archive import archive
from python_ingest.archiving.unarchive import bring_back
from python_ingest.errors import ConfigError, ExportError
from python_ingest.lifecycle.export import Leaving, export
from python_ingest.lifecycle.merge import merge
from python_ingest.lifecycle.sweep import sweep
from python_ingest.publication.attached import opened
from python_ingest.publication.publish import publish
from python_ingest.publication.versions import named_cold_files
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.serving.hot import HotDay
from python_ingest.serving.pool import ReaderPool
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.cold_place import sha256_at
from python_ingest.storage.failures import first_line
from python_ingest.storage.object_store import open_store
from python_ingest.storage.s3_session import _files, read_s3, read_s3_where_named
from python_ingest.storage.writer import open_writer

from .conftest import ALL_TICKS, TICKS, days, make_warehouse, manifest
from .test_archive import FIRST, LAST, LATE, NEWS, POLICIES, with_store

EVERYTHING = "select *, true as is_kept from raw.market_ticks where timestamp < timestamp '{}'"
VIEW = """
create view main.market_ticks as
select *, timestamp::date as date from raw.market_ticks
union all select * from cold.market_ticks
"""


def ask(settings: Settings, sql: str) -> list[tuple]:
    with open_writer(settings) as connection:
        read_s3_where_named(connection)
        return connection.execute(sql).fetchall()


def move(settings: Settings, before: str) -> None:
    with open_writer(settings) as connection:
        leaving = Leaving(
            TICKS, EVERYTHING.format(before), cold_store=settings.retention.cold_store
        )
        export(connection, settings.data_dir, leaving)


def objects(settings: Settings) -> list[str]:
    return [found.key for found in open_store(settings.retention.cold_store).list()]


@pytest.fixture
def warehouse(settings: Settings, s3: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three days of ticks, the first two on S3, and the view that analysts read."""
    monkeypatch.setenv("RETENTION_COLD_STORE", f"{s3}/warm")
    settings = with_store(load_settings(), f"{s3}/archive")
    make_warehouse(settings, 3000, ["A", "BTC/USD"])
    with open_writer(settings) as connection:
        connection.execute(POLICIES)
    move(settings, "2024-01-03")
    with open_writer(settings) as connection:
        read_s3(connection)
        connection.execute(VIEW)
    return settings


def test_the_rows_are_there_once_and_no_file_lies_here(warehouse: Settings) -> None:
    counted = ask(warehouse, "select date, count(*) from market_ticks group by 1 order by 1")
    assert counted == [(day, 1000) for day in days(1, 2, 3)]
    assert ask(warehouse, "select count(*) from raw.market_ticks") == [(1000,)]
    assert not list((warehouse.data_dir / "cold").rglob("*.parquet"))
    assert [f"{warehouse.retention.cold_store}/{key}" for key in objects(warehouse)] == [
        path for (path,) in manifest(warehouse, "path")
    ]


def test_only_the_days_file_is_read_and_none_for_recent_rows(warehouse: Settings) -> None:
    day = "explain analyze select * from market_ticks where date = '2024-01-02'"
    plan = ask(warehouse, day)[0][1]
    assert re.search(r"Total Files Read: 1", plan), plan
    assert "date=2024-01-01" not in plan
    recent = "explain select * from market_ticks where timestamp >= '2024-01-03'"
    assert "READ_PARQUET" not in ask(warehouse, recent)[0][1].upper()


def test_one_day_costs_few_requests(warehouse: Settings, s3_server: S3Server) -> None:
    _files.cache_clear()  # as in a new process
    before = len(s3_server.requests())
    ask(warehouse, "select sum(last_price) from market_ticks where date = '2024-01-02'")
    made = s3_server.requests()[before:]
    assert len([request for request in made if "list-type=2" in request]) == 1
    # what columns there are stands in the first file
    assert {path.rpartition("/")[2] for path in made if "list-type" not in path} == {
        key.rpartition("/")[2] for key in objects(warehouse)
    }
    assert len(made) <= 6  # DuckDB 2.0 makes 3, 1.5 makes 6
    before = len(s3_server.requests())
    ask(warehouse, "select sum(last_price) from market_ticks where date = '2024-01-02'")
    assert not [request for request in s3_server.requests()[before:] if "list-type=2" in request]


def test_a_session_reads_files_that_were_written_after_its_listing(warehouse: Settings) -> None:
    assert ask(warehouse, "select count(*) from cold.market_ticks") == [(2000,)]
    move(warehouse, "2024-01-04")
    assert ask(warehouse, "select count(*) from cold.market_ticks") == [(3000,)]


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_lost_file_is_named(warehouse: Settings, is_listed: bool) -> None:
    ask(warehouse, "select count(*) from market_ticks")
    lost = objects(warehouse)[1]
    open_store(warehouse.retention.cold_store).delete(lost)
    if not is_listed:
        _files.cache_clear()
    with pytest.raises(duckdb.Error) as error:
        ask(warehouse, "select * from market_ticks where date = '2024-01-02'")
    assert lost in first_line(error.value)


def test_published_it_is_read_by_pools_and_counted(warehouse: Settings) -> None:
    publish(warehouse)
    with ReaderPool(warehouse) as pool:
        found = pool.query("select count(*) as n from market_ticks where date = '2024-01-01'")
        assert found.to_pylist() == [{"n": 1000}]
    with opened(warehouse.published_path) as connection:
        assert connection.execute("select count(*) from market_ticks").fetchall() == [(3000,)]


def test_served_it_is_read_and_nothing_beside_it(warehouse: Settings, s3: str) -> None:
    with open_writer(warehouse) as connection:
        read_s3_where_named(connection)
        connection.execute("create view landings as from raw.landings")
        connection.execute(
            "create table latest_ticks as select *, timestamp as quoted_at, timestamp as traded_at"
            " from market_ticks limit 0"
        )
    publish(warehouse)
    secret = open_store(warehouse.retention.cold_store).read(objects(warehouse)[0])
    open_store(s3).put_bytes(b"".join(secret), "secret/x.parquet")
    served = HotDay(warehouse, datetime(2024, 1, 3)).take()
    cold = "select count(*) from market_ticks where timestamp < '2024-01-03'"
    assert served.execute(cold, None).fetchall() == [(2000,)]
    with pytest.raises(duckdb.PermissionException):
        served.execute(f"from read_parquet('{s3}/secret/x.parquet')", None)


def test_late_rows_are_merged_and_what_was_replaced_goes(warehouse: Settings) -> None:
    before = ask(warehouse, ALL_TICKS)
    land_text(warehouse, "ticks", warehouse.data_dir.parent / "late.csv", LATE)
    move(warehouse, "2024-01-03")
    assert len(objects(warehouse)) == 3
    merge(warehouse)
    sweep(warehouse, set())
    assert len(objects(warehouse)) == 2
    assert ask(warehouse, ALL_TICKS)[0][0] == before[0][0] + 1
    assert [state for _, _, state in manifest(warehouse)].count("local") == 2


def test_an_object_that_changed_is_not_merged(warehouse: Settings, s3_server: S3Server) -> None:
    land_text(warehouse, "ticks", warehouse.data_dir.parent / "late.csv", LATE)
    move(warehouse, "2024-01-03")
    bucket, _, prefix = warehouse.retention.cold_store.removeprefix("s3://").partition("/")
    key = f"{prefix}/{objects(warehouse)[0]}"
    body = bytearray(s3_server.client().get_object(Bucket=bucket, Key=key)["Body"].read())
    body[len(body) // 3] ^= 4
    s3_server.client().put_object(Bucket=bucket, Key=key, Body=bytes(body))
    assert sha256_at(warehouse.data_dir, f"s3://{bucket}/{key}") == sha256(body).hexdigest()
    assert [partition.files for partition in merge(warehouse, dry_run=True)] == [2]
    with pytest.raises(ExportError, match="is not what was written"):
        merge(warehouse)
    assert len(objects(warehouse)) == 3


def test_it_goes_to_the_archive_and_back(warehouse: Settings) -> None:
    before, were = ask(warehouse, ALL_TICKS), objects(warehouse)
    land_text(warehouse, "logs", warehouse.data_dir.parent / "news.ndjson", NEWS)
    publish(warehouse)
    assert len(archive(warehouse, datetime(2024, 6, 1))) == 2
    sweep(warehouse, named_cold_files(warehouse))
    assert objects(warehouse) == were  # a kept publication reads them
    sweep(warehouse, set())
    assert objects(warehouse) == []
    assert ask(warehouse, ALL_TICKS)[0][0] == 1000
    assert bring_back(warehouse, "market_ticks", FIRST, LAST).files == 2
    assert ask(warehouse, ALL_TICKS) == before
    assert objects(warehouse) == were


def test_the_archive_is_another_place(warehouse: Settings) -> None:
    same = with_store(warehouse, warehouse.retention.cold_store + "/")
    with pytest.raises(ConfigError, match="give each a place of its own"):
        archive(same, datetime(2024, 6, 1))


def test_a_restored_warehouse_reads_them_and_gets_lost_ones_back(
    warehouse: Settings, tmp_path: Path
) -> None:
    before = ask(warehouse, ALL_TICKS)
    create_backup(warehouse)
    store, (lost, _) = open_store(warehouse.retention.cold_store), objects(warehouse)
    store.delete(lost)
    done = restore(warehouse, tmp_path / "new")
    moved = {"data_dir": done.path, "database_path": done.path / "trading.duckdb"}
    assert ask(warehouse.model_copy(update=moved), ALL_TICKS) == before
    assert lost in objects(warehouse)


def test_a_store_that_refuses_leaves_the_rows_here(warehouse: Settings, s3: str) -> None:
    gone = warehouse.retention.model_copy(update={"cold_store": f"{s3}-is-not-there/x"})
    refused = warehouse.model_copy(update={"retention": gone})
    with pytest.raises(Exception, match="bucket is not there"):
        move(refused, "2024-01-04")
    assert ask(warehouse, "select count(*) from raw.market_ticks") == [(1000,)]
    assert len(manifest(warehouse)) == 2


def test_without_credentials_it_says_what_is_missing(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match="cold files lie on S3: set AWS_SECRET_ACCESS_KEY"):
        ask(warehouse, ALL_TICKS)
    with pytest.raises(ConfigError, match=r"retention.cold_store .environment RETENTION_COLD"):
        load_settings(env={"RETENTION_COLD_STORE": "ftp://x"})
