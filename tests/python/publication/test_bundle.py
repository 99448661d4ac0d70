"""A bundle has every row that is published, reads no other file, and is there whole or not."""

import os
import re
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from sample_build import REPOSITORY
from testkit import ask

from python_ingest.cli.publish import publish_command
from python_ingest.errors import (
    FREE_SPACE,
    ExportError,
    IngestError,
    NotPublishedError,
    UsageError,
)
from python_ingest.lifecycle.sweep import sweep
from python_ingest.publication import bundle as bundling
from python_ingest.publication.bundle import BY_DATE, CONTENTS, write_bundle
from python_ingest.publication.descriptions import Description
from python_ingest.publication.publish import publish
from python_ingest.publication.status import MISSING
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

OTHER = REPOSITORY / ".venv-duckdb15" / "bin" / "python"
RELATIONS = """
create schema raw;
create schema cold;
create table raw.cold_files as
    select 'orders' as relation, i + 1 as file_id, 'cold/orders/' || i || '.parquet' as path,
        date '2024-01-01' + i::integer as date, 10::bigint as rows, '' as checksum, '' as sha256,
        null::varchar[] as columns, 'local' as state, 1::bigint as max_batch_id
    from range(3) r(i);
create table raw.orders as
    select i as order_id, date '2024-01-04' as date from range(1000, 1010) r(i);
create view cold.orders as select * from read_parquet([{files}]);
create view main.orders as
    select * from trading.raw.orders union all by name select * from trading.cold.orders;
create view main.cold_files as select * from trading.raw.cold_files;
create table main.current_positions as select 'BTCUSDT' as symbol, 1.5 as quantity;
"""
REPLACED = """
alter table raw.cold_files add column bytes bigint default 1;
alter table raw.cold_files add column removed_at timestamp;
alter table raw.cold_files add column object_url varchar;
update raw.cold_files set state = 'replaced' where path like '%/1.parquet';
"""
SAID = {"orders": Description("One row per order.", {"order_id": "It's the order."})}
SPANS = [
    (None, None, 40),
    (date(2024, 1, 2), None, 30),
    (None, date(2024, 1, 2), 20),
    (date(2024, 1, 2), date(2024, 1, 3), 20),
    (date(2030, 1, 1), None, 0),
]


@pytest.fixture
def published(settings: Settings) -> Settings:
    """Ten orders of each of four days, three of them in files."""
    folder = settings.data_dir / "cold" / "orders"
    folder.mkdir(parents=True)
    files = []
    for day in range(3):
        files.append(str(folder / f"{day}.parquet"))
        duckdb.sql(
            f"select i as order_id, date '2024-01-01' + {day} as date"
            f" from range({day * 10}, {day * 10 + 10}) r(i)"
        ).write_parquet(files[-1])
    with open_writer(settings) as connection:
        connection.execute(RELATIONS.format(files=", ".join(f"'{file}'" for file in files)))
    publish(settings, described=SAID)
    return settings


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(("first", "last", "rows"), SPANS)
def test_it_holds_the_rows_of_a_span_wherever_it_is(published, tmp_path, first, last, rows):
    folder = tmp_path / "of a 'colleague'"
    folder.mkdir()
    made = write_bundle(published, folder / "b.duckdb", first, last)
    published.data_dir.rename(tmp_path / "elsewhere")
    assert files(folder) == {"b.duckdb"}
    assert made.bytes == made.path.stat().st_size
    assert ask(made.path, "select count(*) from orders") == [(rows,)]
    assert made.rows["orders"] == rows
    assert ask(made.path, "from current_positions")[0][0] == "BTCUSDT"
    span = f"select rows, first_date, last_date from {CONTENTS} where relation = "
    assert ask(made.path, span + "'orders'") == [(rows, first, last)]
    assert ask(made.path, span + "'current_positions'") == [(1, None, None)]


def test_it_has_one_schema_of_tables_with_comments_and_indexes(published, tmp_path):
    path = tmp_path / "b.duckdb"
    write_bundle(published, path)
    assert ask(path, "select distinct schema_name from duckdb_tables()") == [("main",)]
    assert ask(path, "select count(*) from duckdb_views() where not internal") == [(0,)]
    assert ask(path, "select index_name from duckdb_indexes()") == [("orders_by_order_id",)]
    assert ask(path, "select comment from duckdb_tables() where table_name = 'orders'") == [
        ("One row per order.",)
    ]
    assert ask(path, "select comment from duckdb_columns() where column_name = 'order_id'") == [
        ("It's the order.",)
    ]
    told = f"select count(*), count(comment) from duckdb_columns() where table_name = '{CONTENTS}'"
    assert ask(path, told) == [(4, 4)]


@pytest.mark.parametrize("there", ["file", "folder", "dangling link"])
def test_what_is_there_stays(published, tmp_path, there):
    path = tmp_path / "b.duckdb"
    if there == "file":
        path.write_text("mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    before = files(tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        write_bundle(published, path)
    assert files(tmp_path) == before
    assert there != "file" or path.read_text() == "mine"


@pytest.mark.parametrize("has_links", [True, False])
def test_what_comes_meanwhile_stays(published, tmp_path, monkeypatch, has_links):
    path = tmp_path / "b.duckdb"
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no")))
    with pytest.raises(UsageError, match=r"stays"):
        write_bundle(published, path, say=lambda _: path.write_text("mine"))
    assert path.read_text() == "mine"
    path.unlink()
    write_bundle(published, path)
    assert ask(path, "select count(*) from orders") == [(40,)]
    assert files(tmp_path) == {"data", "b.duckdb"}


@pytest.mark.parametrize("at", ["write_descriptions", "place_new"])
def test_killed_it_leaves_nothing_that_could_be_taken_for_one(published, tmp_path, at):
    path = tmp_path / "b.duckdb"
    killed = (
        "import os, pathlib, sys; from python_ingest.publication import bundle;"
        "from python_ingest.settings import load_settings;"
        f"bundle.{at} = lambda *a: os.kill(os.getpid(), 9);"
        "bundle.write_bundle(load_settings(), pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", killed, path], check=False)
    assert done.returncode == -9
    assert files(tmp_path) == {"data", ".b.duckdb.unfinished"}
    write_bundle(published, path)
    assert files(tmp_path) == {"data", "b.duckdb"}
    assert ask(path, "select count(*) from orders") == [(40,)]


@pytest.mark.parametrize("room", [0, 40_000])
def test_without_room_there_is_none_and_one_line_says_so(published, tmp_path, room):
    path = tmp_path / "b.duckdb"
    done = subprocess.run(
        [sys.executable, "-m", "python_ingest", "publish", "--bundle", path],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ingest: the disk is full: {path} was not made: ")
    assert line.endswith(FREE_SPACE)
    assert files(tmp_path) == {"data"}


def test_a_file_that_is_gone_is_named(published, tmp_path):
    (published.data_dir / "cold" / "orders" / "1.parquet").unlink()
    with pytest.raises(ExportError, match=r"1 cold files that are not there.*orders/1\.parquet"):
        write_bundle(published, tmp_path / "b.duckdb")
    assert files(tmp_path) == {"data"}


def test_a_sweep_deletes_nothing_that_a_bundle_copies(published, tmp_path):
    """A cycle beside it publishes without a file, forgets what named it, and sweeps."""
    with open_writer(published) as connection:
        connection.execute(REPLACED)
    waits = []

    def cycle(_: str) -> None:
        waits.append(sweep(published, set()).waits)

    write_bundle(published, tmp_path / "b.duckdb", say=cycle)
    assert set(waits) == {True}
    assert ask(tmp_path / "b.duckdb", "select count(*) from orders") == [(40,)]
    assert not sweep(published, set()).waits


def test_an_error_on_the_way_leaves_nothing(published, tmp_path, monkeypatch):
    monkeypatch.setattr(
        bundling, "sync_to_disk", lambda _: (_ for _ in ()).throw(OSError(5, "I/O"))
    )
    with pytest.raises(IngestError, match=r"b\.duckdb was not made: .*I/O"):
        write_bundle(published, tmp_path / "b.duckdb")
    assert files(tmp_path) == {"data"}


def test_nothing_published_says_what_to_run(settings, tmp_path):
    with pytest.raises(NotPublishedError, match="ingest cycle"):
        write_bundle(settings, tmp_path / "b.duckdb")
    assert not list(tmp_path.glob("*b.duckdb*"))


WRONG = [
    ({"bundle": "b.duckdb", "since": "soon"}, "--from soon: a date is wanted"),
    ({"bundle": "b.duckdb", "since": "2024-02-01", "until": "2024-01-01"}, "is after --to"),
    ({"bundle": "nowhere/b.duckdb"}, "the folder nowhere is not there"),
    ({"until": "2024-02-01"}, "--from and --to are for --bundle"),
    ({"bundle": "b?c.duckdb"}, "b?c.duckdb: DuckDB takes what stands behind a `?` for options"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_wrong_options_are_told(published, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    before = published.published_path.stat().st_ino
    if bundle := options.get("bundle"):
        options = {**options, "bundle": Path(bundle)}
    with pytest.raises(UsageError, match=re.escape(says)):
        publish_command(**options)
    assert files(tmp_path) == {"data"}
    assert published.published_path.stat().st_ino == before


def test_the_command_says_what_it_holds_and_publishes_nothing(published, tmp_path, capsys):
    before = published.published_path.stat().st_ino
    publish_command(tmp_path / "b.duckdb", "2024-01-02", "2024-01-03")
    printed = capsys.readouterr().out
    assert re.search(r"^ orders +20 $", printed, re.MULTILINE)
    assert printed.splitlines()[-1].startswith(f"{tmp_path}/b.duckdb, ")
    assert " MB, is whole" in printed
    assert published.published_path.stat().st_ino == before


@pytest.mark.parametrize(
    ("first", "warns"), [("2030-01-01", True), ("2024-01-04", False), (None, False)]
)
def test_a_span_of_which_nothing_is_published_is_told(published, tmp_path, capsys, first, warns):
    publish_command(tmp_path / "b.duckdb", first, None)
    assert ("nothing published is of those dates" in capsys.readouterr().err) == warns


def test_a_publication_says_which_files_it_misses(published, tmp_path):
    path = published.published_path
    assert ask(path, f"from {MISSING}") == []
    gone = published.data_dir / "cold" / "orders" / "1.parquet"
    gone.unlink()
    assert ask(path, f"from {MISSING}") == [("orders", date(2024, 1, 2), 10, str(gone))]
    copied = tmp_path / "copied.duckdb"
    copied.write_bytes(path.read_bytes())
    published.data_dir.rename(tmp_path / "elsewhere")
    assert ask(copied, f"select count(*) from {MISSING}") == [(3,)]
    with pytest.raises(duckdb.IOException, match="No files found"):
        ask(copied, "select count(*) from orders")


@pytest.fixture(scope="module")
def of_the_sample(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What is published of the sample, and its bundle."""
    path = tmp_path_factory.mktemp("bundle") / "sample.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(sample))
        patch.delenv("DATABASE_PATH", raising=False)
        settings = load_settings()
    write_bundle(settings, path)
    return settings.published_path, path


def test_every_row_of_the_sample_is_in_its_bundle(of_the_sample):
    published, path = of_the_sample
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as published (read_only)")
        connection.execute(f"attach '{path}' as bundle (read_only)")
        names = [
            name
            for (name,) in connection.execute(f"select relation from bundle.{CONTENTS}").fetchall()
        ]
        for name in names:
            one, other = f"from published.main.{name}", f"from bundle.main.{name}"
            for left, right in ((one, other), (other, one)):
                assert not connection.execute(f"{left} except all {right} limit 1").fetchall(), name
        assert len(names) > 20


def test_a_span_is_of_all_relations_that_have_dates(of_the_sample):
    published, _ = of_the_sample
    found = ask(
        published,
        "select table_name from duckdb_columns() where column_name = 'date'"
        " and data_type = 'DATE' and schema_name = 'main' and not internal",
    )
    assert {name for (name,) in found} == BY_DATE | {"cold_files", MISSING}


def test_filled_bars_are_of_the_span_too(of_the_sample, sample, tmp_path, monkeypatch):
    """They hold every minute between the first bar and the last, years of them."""
    published, _ = of_the_sample
    monkeypatch.setenv("DATA_DIR", str(sample))
    first, last = date(2013, 10, 8), date(2024, 8, 7)
    write_bundle(load_settings(), path := tmp_path / "b.duckdb", first, last)
    filled = "select count(*), min(timestamp)::date, max(timestamp)::date from ohlcv_bars_filled"
    expected = ask(published, f"{filled} where timestamp >= '{first}' and timestamp < '2024-08-08'")
    assert 0 < expected[0][0] < ask(published, filled)[0][0]
    assert ask(path, filled) == expected
    of = f"select rows, first_date from {CONTENTS} where relation = 'ohlcv_bars_filled'"
    assert ask(path, of) == [(expected[0][0], first)]


@pytest.mark.skipif(not OTHER.exists(), reason="no .venv-duckdb15: make test-duckdb15")
def test_duckdb_1_5_reads_it(of_the_sample):
    _, path = of_the_sample
    asked = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
        "print(duckdb.__version__, c.execute('select count(*) from market_ticks').fetchone()[0],"
        f"c.execute('select sum(rows) from {CONTENTS}').fetchone()[0])"
    )
    done = subprocess.run([OTHER, "-c", asked, path], capture_output=True, text=True, check=True)
    version, ticks, rows = done.stdout.split()
    assert version.startswith("1.5.")
    assert ask(path, "select count(*) from market_ticks") == [(int(ticks),)]
    assert int(rows) > int(ticks) > 90_000
