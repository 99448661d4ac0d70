"""What leaves DuckDB arrives in Parquet, is proven, and only then deleted."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from testkit import ask

from python_ingest.errors import ExportError, IngestError
from python_ingest.landing.land import land_files
from python_ingest.lifecycle import partition
from python_ingest.lifecycle.export import Leaving, export
from python_ingest.lifecycle.merge import merge
from python_ingest.lifecycle.partition import folder_of
from python_ingest.lifecycle.sweep import sweep
from python_ingest.publication.publish import publish
from python_ingest.schema.migrate import migrate
from python_ingest.storage import cold_place
from python_ingest.storage.cold_relations import RELATIONS, stored_type
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.writer import open_writer

from .conftest import (
    ALL_TICKS,
    HOSTILE,
    days,
    export_ticks,
    make_cold_view,
    make_warehouse,
    manifest,
)


def test_every_row_has_one_home(warehouse, files):
    before = ask(warehouse, ALL_TICKS)
    export_ticks(warehouse, "2024-01-03")
    assert ask(warehouse, "select count(*) from raw.removed_rows") == [(0,)]
    assert ask(warehouse, ALL_TICKS) == before
    assert ask(warehouse, "select count(*) from raw.market_ticks") == [(1000,)]
    assert manifest(warehouse) == [(day, 1000, "local") for day in days(1, 2)]
    assert len(files()) == 2


def test_a_second_export_changes_nothing(warehouse, files):
    export_ticks(warehouse, "2024-01-03")

    def state():
        warm = ask(warehouse, "from raw.market_ticks order by tick_id")
        return manifest(warehouse, "*"), warm, [(f, f.stat().st_mtime_ns) for f in files()]

    before = state()
    export_ticks(warehouse, "2024-01-03")
    assert state() == before


def test_a_window_that_is_shortened_and_lengthened(warehouse):
    before = ask(warehouse, ALL_TICKS)
    export_ticks(warehouse, "2024-01-02")
    export_ticks(warehouse, "2024-01-04")  # shorter: more leaves
    export_ticks(warehouse, "2024-01-01")  # longer: what left stays where it is
    assert ask(warehouse, ALL_TICKS) == before
    assert [row[0] for row in manifest(warehouse)] == days(1, 2, 3)


def test_files_are_read_alike_by_others(warehouse, files):
    """Polars and pyarrow: sorted, zstd, types that Spark has too."""
    export_ticks(warehouse, "2024-01-02")
    (path,) = files()
    frame = pl.read_parquet(path, hive_partitioning=False)
    assert frame.height == 1000
    assert frame.select("exchange", "symbol", "timestamp").equals(
        frame.select("exchange", "symbol", "timestamp").sort("exchange", "symbol", "timestamp")
    )
    file = pq.ParquetFile(path)
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert str(file.schema_arrow.field("correlation_id").type) == "string"
    assert str(file.schema_arrow.field("last_price").type) == "decimal128(18, 8)"


def test_any_symbol_has_a_folder_of_its_own(settings):
    make_warehouse(settings, 2700, HOSTILE)
    before = ask(settings, ALL_TICKS)
    export_ticks(settings, "2024-01-03", per_symbol=True)
    assert ask(settings, ALL_TICKS) == before
    folders = [row[0] for row in manifest(settings, "folder")]
    assert len(set(folders)) == len(HOSTILE)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", folder) for folder in folders)
    cold = ask(settings, "select distinct symbol from cold.market_ticks where date = '2024-01-02'")
    assert {row[0] for row in cold} == set(HOSTILE)
    export_ticks(settings, "2024-01-04")  # the policy changed: both kinds are read together
    assert ask(settings, ALL_TICKS) == before


def test_symbols_that_differ_in_what_a_folder_cannot_say():
    assert folder_of("BTC/USD") != folder_of("BTC_USD")
    assert folder_of("..") not in ("..", ".")


def test_a_filter_on_date_opens_only_its_file(warehouse):
    export_ticks(warehouse, "2024-01-04")
    plan = ask(
        warehouse, "explain analyze select * from cold.market_ticks where date = '2024-01-02'"
    )[0][1]
    assert re.search(r"Scanning Files: 1/3", plan), plan


def test_recent_rows_cost_no_file(warehouse):
    export_ticks(warehouse, "2024-01-03")
    recent = "explain select * from cold.market_ticks where timestamp >= '2024-01-03'"
    assert "READ_PARQUET" not in ask(warehouse, recent)[0][1].upper()
    newer = "explain select * from cold.market_ticks where batch_id > 1"
    assert "READ_PARQUET" not in ask(warehouse, newer)[0][1].upper()


def flip(path: Path) -> None:
    """Flip one bit in the middle of the data."""
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("when", ["before it is read back", "before the delete"])
def test_a_flipped_bit_stops_the_delete(warehouse, monkeypatch, when):
    before = ask(warehouse, ALL_TICKS)
    if when == "before it is read back":
        real = partition.sha256_of

        def hash_then_flip(path):
            digest = real(path)
            flip(path)
            return digest

        monkeypatch.setattr(partition, "sha256_of", hash_then_flip)
    else:
        real_move = cold_place.move_into_place

        def move_then_flip(temporary, final):
            real_move(temporary, final)
            flip(final)

        monkeypatch.setattr(cold_place, "move_into_place", move_then_flip)
    with pytest.raises(IngestError):
        export_ticks(warehouse, "2024-01-03")
    monkeypatch.undo()
    assert ask(warehouse, "select count(*) from raw.market_ticks") == [(3000,)]
    assert manifest(warehouse) == []
    export_ticks(warehouse, "2024-01-03")
    assert ask(warehouse, ALL_TICKS) == before


def test_rows_of_a_day_that_grew_meanwhile_stop_the_delete(warehouse):
    """What is deleted is what was written: a predicate that misses rows of the day is refused."""
    from python_ingest.lifecycle.export import Leaving, export  # noqa: PLC0415

    from .conftest import TICKS  # noqa: PLC0415

    some = "select *, true as is_kept from raw.market_ticks where symbol = 'A'"
    with open_writer(warehouse) as connection, pytest.raises(Exception, match="nothing was"):
        export(connection, warehouse.data_dir, Leaving(TICKS, some))
    assert ask(warehouse, "select count(*) from raw.market_ticks") == [(3000,)]


def write_ticks(path: Path, hours: list[str], **more: str) -> Path:
    lines = [
        json.dumps(
            {
                "exchange": "x",
                "symbol": "A",
                "timestamp": hour,
                "last_price": "1",
                "trade_id": f"late{n}",
            }
            | more
        )
        for n, hour in enumerate(hours)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def landed(settings, tmp_path):
    """Ticks with and without numbers, through the front door, two days of them exported."""
    path = tmp_path / "ticks.ndjson"
    rows = [
        {
            "exchange": "x",
            "symbol": s,
            "timestamp": f"2024-01-0{d}T10:00:{n:02}Z",
            "last_price": "1",
        }
        | ({"trade_id": str(n)} if s == "id" else {"sequence_number": n} if s == "seq" else {})
        for d in (1, 2, 3)
        for s in ("id", "seq", "none")
        for n in range(20)
    ]
    rows += rows[-5:]  # identical ticks of one file are all real
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    assert land_files(settings, "ticks", [path])[0].landed == len(rows)
    from .conftest import make_cold_view  # noqa: PLC0415

    with open_writer(settings) as connection:
        make_cold_view(connection, settings, "market_ticks")
    export_ticks(settings, "2024-01-04")
    return path


def test_a_database_without_its_cold_files_says_what_is_missing(settings, landed):
    shutil.rmtree(settings.data_dir / "cold")
    missing = r"names 3 cold files that are not there, the first is .*: bring the folder cold/"
    (result,) = land_files(settings, "ticks", [landed], again=True)
    assert re.search(missing, result.error)
    with pytest.raises(ExportError, match=missing):
        publish(settings)
    with open_writer(settings) as connection, pytest.raises(ExportError, match=missing):
        make_cold_view(connection, settings, "market_ticks")


def test_landing_an_exported_file_again_adds_nothing(settings, landed, tmp_path):
    before = ask(settings, ALL_TICKS)
    again = tmp_path / "again.ndjson"
    lines = landed.read_text().splitlines()
    again.write_text("\n".join(reversed(lines)) + "\n")
    (result,) = land_files(settings, "ticks", [again])
    assert (result.landed, result.duplicate) == (0, len(lines))
    assert ask(settings, ALL_TICKS) == before


def test_a_rival_in_a_cold_file_is_found(settings, landed, tmp_path):
    rival = tmp_path / "rival.ndjson"
    rival.write_text(
        json.dumps(
            {
                "exchange": "x",
                "symbol": "id",
                "timestamp": "2024-01-01T10:00:00Z",
                "last_price": "2",
                "trade_id": "0",
            }
        )
        + "\n"
    )
    (result,) = land_files(settings, "ticks", [rival])
    assert result.landed == 1
    pairs = ask(settings, "select tick_id, rival_tick_id from raw.tick_conflicts")
    known = ask(
        settings,
        "select tick_id from cold.market_ticks where trade_id = '0' and date = '2024-01-01'",
    )
    assert [pair[1] for pair in pairs] == [known[0][0]]


def test_a_copy_from_rest_confirms_a_tick_in_a_cold_file(settings, landed, tmp_path):
    again = tmp_path / "again.ndjson"
    lines = [json.loads(line) | {"source": "rest"} for line in landed.read_text().splitlines()]
    again.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (result,) = land_files(settings, "ticks", [again])
    assert (result.landed, result.duplicate) == (0, len(lines))
    confirmed = "select tick_id, source from raw.tick_confirmations order by all"
    assert ask(settings, confirmed) == ask(
        settings,
        "select tick_id, 'rest' from cold.market_ticks where symbol in ('id', 'seq') order by all",
    )
    assert len(ask(settings, confirmed)) == 2 * 3 * 20


def test_late_ticks_are_one_more_file_until_they_are_merged(settings, landed, tmp_path):
    late = write_ticks(tmp_path / "late.ndjson", ["2024-01-01T11:00:00Z", "2024-01-02T11:00:00Z"])
    land_files(settings, "ticks", [late])
    before = ask(settings, ALL_TICKS)
    export_ticks(settings, "2024-01-04")
    assert sorted(manifest(settings, "date")) == [(d,) for d in days(1, 1, 2, 2, 3)]
    assert ask(settings, ALL_TICKS) == before
    assert [p.date for p in merge(settings, dry_run=True)] == days(1, 2)
    merge(settings)
    assert ask(settings, ALL_TICKS) == before
    assert merge(settings) == []
    states = manifest(settings, "state")
    assert states.count(("replaced",)) == 4
    assert states.count(("local",)) == 3


def test_merging_refuses_a_file_that_is_not_what_was_written(settings, landed, tmp_path):
    late = write_ticks(tmp_path / "late.ndjson", ["2024-01-01T11:00:00Z"])
    land_files(settings, "ticks", [late])
    export_ticks(settings, "2024-01-04")
    flip(settings.data_dir / manifest(settings, "path")[0][0])
    with pytest.raises(ExportError, match="sha256"):
        merge(settings)
    assert ("replaced",) not in manifest(settings, "state")


def test_a_replaced_file_stays_as_long_as_a_publication_names_it(settings, landed, tmp_path):
    late = write_ticks(tmp_path / "late.ndjson", ["2024-01-01T11:00:00Z"])
    land_files(settings, "ticks", [late])
    export_ticks(settings, "2024-01-04")
    merge(settings)
    replaced = [path for path, state in manifest(settings, "path, state") if state == "replaced"]
    orphan = settings.data_dir / "cold" / "market_ticks" / "date=2024-01-01" / "orphan.parquet"
    shutil.copy(settings.data_dir / replaced[0], orphan)  # killed before the commit
    before = ask(settings, ALL_TICKS)
    assert sweep(settings, set(replaced[:1])).files == len(replaced)  # the others and the orphan
    assert (settings.data_dir / replaced[0]).exists()
    assert not orphan.exists()
    sweep(settings, set())
    assert not (settings.data_dir / replaced[0]).exists()
    assert ask(settings, ALL_TICKS) == before
    removed = ask(settings, "select count(*) from raw.cold_files where removed_at is not null")
    assert removed == [(len(replaced),)]


@pytest.mark.parametrize("database", ["new", "older"])
@pytest.mark.parametrize("has_published", [True, False])
def test_a_database_deletes_no_rows_that_it_does_not_have(
    settings, landed, tmp_path, database, has_published
):
    """One put in the place of that which wrote the files: their rows are nowhere else."""
    export_ticks(settings, "2024-01-02")
    shutil.copy(settings.database_path, tmp_path / "older.duckdb")
    late = write_ticks(tmp_path / "late.ndjson", ["2024-01-02T11:00:00Z"])
    land_files(settings, "ticks", [late])
    export_ticks(settings, "2024-01-04")
    merge(settings)
    files = [settings.data_dir / path for (path,) in manifest(settings, "path")]
    before = ask(settings, ALL_TICKS)
    settings.database_path.rename(tmp_path / "newest.duckdb")
    if database == "older":
        shutil.copy(tmp_path / "older.duckdb", settings.database_path)
    else:
        with open_writer(settings, create=True) as connection:
            migrate(connection)
    published = {str(file.relative_to(settings.data_dir)) for file in files if has_published}
    with pytest.raises(ExportError, match=r"rows that it lacks.*put back the newest one"):
        sweep(settings, published)
    assert all(file.exists() for file in files)
    shutil.copy(tmp_path / "newest.duckdb", settings.database_path)
    sweep(settings, set())
    assert ask(settings, ALL_TICKS) == before


def test_a_restated_leftover_is_told_by_what_it_says(settings, landed, tmp_path):
    """Of a row that is restated the key may be known and the value not."""
    with open_writer(settings) as connection:
        connection.execute(ROLLUPS)
        make_cold_view(connection, settings, "system_metrics_1h")
        sql = "select *, true as is_kept from warm.system_metrics_1h_warm"
        leaving = Leaving(RELATIONS["system_metrics_1h"], sql)
        export(connection, settings.data_dir, leaving)
    name = manifest(settings, "path")[-1][0]
    other = (settings.data_dir / name).with_name("other.parquet")
    shutil.copy(settings.data_dir / name, other)
    assert sweep(settings, set()).files == 1
    assert not other.exists()
    rows = pl.read_parquet(settings.data_dir / name)
    rows.with_columns(metric_name=pl.lit("x")).write_parquet(other.with_name("changed.parquet"))
    with pytest.raises(ExportError, match=r"changed\.parquet"):
        sweep(settings, set())


ROLLUPS = """
create table warm.system_metrics_1h_warm as
select i::varchar as rollup_id, 'cpu' as metric_name,
    timestamp '2024-01-01' + to_hours(8 * i::integer) as timestamp
from range(6) r(i)
"""


def test_a_sweep_that_was_killed_stops_no_export(settings, files):
    """It deleted a replaced file, and did not come to say so."""
    rollups = RELATIONS["system_metrics_1h"]
    leaving = Leaving(rollups, f"select *, true as is_kept from {rollups.home}")
    with open_writer(settings) as connection:
        connection.execute(ROLLUPS)
        make_cold_view(connection, settings, rollups.name)
        export(connection, settings.data_dir, leaving)
        connection.execute("update raw.cold_files set state = 'archived' where file_id = 2")
        make_view(connection, settings.data_dir, rollups.name)
        for number in range(2):
            replaced = files()[0]
            tombstone = "insert into warm.tombstones values ('system_metrics_1h', ?)"
            connection.execute(tombstone, [str(number)])
            export(connection, settings.data_dir, leaving)
            assert connection.execute("from warm.tombstones").fetchall() == []
            replaced.unlink()
        assert connection.execute("select count(*) from cold.system_metrics_1h").fetchone() == (1,)
    sweep(settings, set())
    states = "select state from raw.cold_files where removed_at is null order by file_id"
    assert ask(settings, states) == [("local",)]


def test_a_late_row_of_an_archived_day_is_rejected_with_the_way_back(settings, landed, tmp_path):
    with open_writer(settings) as connection:
        connection.execute("update raw.cold_files set state = 'archived' where date = '2024-01-01'")
        make_view(connection, settings.data_dir, "market_ticks")
    late = write_ticks(tmp_path / "late.ndjson", ["2024-01-01T11:00:00Z", "2024-01-03T11:00:00Z"])
    (result,) = land_files(settings, "ticks", [late])
    assert (result.landed, result.rejected) == (1, 1)
    ((reason, text),) = ask(settings, "select reason, raw_text from raw.rejected_rows")
    assert "ingest archive restore market_ticks 2024-01-01 2024-01-01" in reason
    assert json.loads(text)["trade_id"] == "late0"
    with open_writer(settings) as connection:
        connection.execute("update raw.cold_files set state = 'restored' where state = 'archived'")
        make_view(connection, settings.data_dir, "market_ticks")
    (result,) = land_files(settings, "ticks", [late])
    assert (result.landed, result.duplicate) == (1, 1)


@pytest.mark.parametrize(
    ("sql_type", "stored"),
    [
        ("UUID", "VARCHAR"),
        ("HUGEINT", "DECIMAL(38, 0)"),
        ("DECIMAL(18,8)", "DECIMAL(18,8)"),
        ('STRUCT(a UUID, "JSON" VARCHAR, b JSON)', 'STRUCT(a VARCHAR, "JSON" VARCHAR, b VARCHAR)'),
        ("UUID[]", "VARCHAR[]"),
        ("uuid", "VARCHAR"),
    ],
)
def test_files_keep_types_that_spark_reads(sql_type, stored):
    assert stored_type(sql_type) == stored


def test_a_relation_that_gained_a_column_has_null_in_what_left_before(warehouse):
    export_ticks(warehouse, "2024-01-02")
    with open_writer(warehouse) as connection:
        connection.execute("alter table raw.market_ticks add column colour varchar")
        connection.execute("update raw.market_ticks set colour = 'red'")
        make_cold_view(connection, warehouse, "market_ticks")
        # as an earlier version left it: looked up in the file
        connection.execute("update raw.cold_files set columns = null")
        make_cold_view(connection, warehouse, "market_ticks")
    export_ticks(warehouse, "2024-01-03")
    colours = "select date, colour, count(*) from cold.market_ticks group by all order by all"
    (first, second) = days(1, 2)
    assert ask(warehouse, colours) == [(first, None, 1000), (second, "red", 1000)]
    plan = ask(
        warehouse, "explain analyze select * from cold.market_ticks where date = '2024-01-02'"
    )[0][1]
    assert re.search(r"Total Files Read: 1", plan), plan
    known = ask(warehouse, "select list_contains(columns, 'colour') from raw.cold_files order by 1")
    assert known == [(False,), (True,)]
    with open_writer(warehouse) as connection:  # a late tick of the first day, then one file again
        connection.execute(
            "insert into raw.market_ticks select * exclude (date) replace ('blue' as colour,"
            " tick_id + 1099511627776 as tick_id) from cold.market_ticks where tick_id ="
            " (select min(tick_id) from cold.market_ticks)"
        )
    export_ticks(warehouse, "2024-01-02")
    merge(warehouse)
    assert ask(warehouse, colours) == [
        (first, "blue", 1),
        (first, None, 1000),
        (second, "red", 1000),
    ]
