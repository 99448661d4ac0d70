"""Extraction from PostgreSQL 15: every value exact, every row there, nothing told of the DSN."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import hypothesis
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_ingest.cli.main import main
from python_ingest.errors import IngestError, UsageError
from python_ingest.migration import manifest, range_reader
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.range_reader import Listener
from python_ingest.migration.ranges import Range, calendar, chosen, merged
from python_ingest.storage.files import sha256_of

from .conftest import PASSWORD, REPOSITORY

DAY = datetime(2024, 8, 8)
quick = hypothesis.settings(deadline=None)  # no test depends on how fast it is


def add_ticks(source, days=3, per_day=40, first=1):
    """Ticks of two symbols, trades and quotes in turn, evenly over each day."""
    source.execute(
        """
        insert into market_ticks (tick_id, exchange, symbol, timestamp, bid_price, ask_price,
            last_price, last_size, sequence_number, conditions, correlation_id)
        select %(first)s + d * %(n)s + i, 'binance',
            case i %% 2 when 0 then 'BTCUSDT' else 'ETHUSDT' end,
            timestamptz '2024-08-08 00:00+00' + d * interval '1 day'
                + i * (interval '1 day' / %(n)s),
            case when i %% 4 = 0 then 100.25 + i end, case when i %% 4 = 0 then 100.5 + i end,
            case when i %% 4 <> 0 then 0.00000001 * i + d end,
            case when i %% 4 <> 0 then 1.5 end, %(first)s + d * %(n)s + i,
            case when i %% 3 = 0 then array['@', 'T'] end,
            case when i %% 5 = 0 then gen_random_uuid() end
        from generate_series(0, %(days)s - 1) d, generate_series(0, %(n)s - 1) i
        """,
        {"first": first, "n": per_day, "days": days},
    )


def rows_of(settings, relation, columns="*"):
    found = manifest.load(manifest.folder_of(settings, relation))
    files = [str(manifest.folder_of(settings, relation) / part.file) for part in found.parts]
    if not files:
        return []
    connection = duckdb.connect()
    return connection.execute(
        f"select {columns} from read_parquet($files, union_by_name = true) order by 1",
        {"files": files},
    ).fetchall()


class Interfering(Listener):
    """Does something once, when the n-th block of rows came."""

    def __init__(self, at, action):
        self.at, self.action, self.seen, self.told = at, action, 0, []

    def rows(self, number):
        self.seen += 1
        if self.seen == self.at:
            self.action()

    def changed(self, span, *, still):
        self.told.append((span.start, still))


def test_every_value_is_what_another_reader_of_postgres_gets(source, settings):
    texts = ["", "NULL", "\\N", "a,b", 'say "hi"', "two\nlines", "tab\t", "back\\slash", "é𝄞",
             "\r\n", "null", " ", "'", "\\.", "{}"]  # fmt: skip
    for number, text in enumerate([*texts, None]):
        source.execute(
            "insert into market_ticks (tick_id, exchange, symbol, timestamp, tape, conditions,"
            " last_price, volume) values (%s, %s, 'X', %s, %s, %s, %s, %s)",
            [number, text or "none", DAY.replace(tzinfo=UTC) + timedelta(microseconds=number),
             text, [text, None, "z"] if text is not None else None,
             Decimal("-9999999999.99999999"), Decimal("0.00000001") * number],
        )  # fmt: skip
    source.execute(
        "insert into market_ticks (tick_id, exchange, symbol, timestamp) values"
        " (100, 'x', 'Y', '2024-08-08 23:30:00.123456-07')"
    )
    extract(settings, Request("market_ticks"))
    columns = "tick_id, exchange, timestamp, tape, conditions, last_price, volume"
    expected = source.execute(
        f"select {columns.replace('timestamp', '''timestamp at time zone 'UTC' ''')}"
        " from market_ticks order by 1"
    ).fetchall()
    assert rows_of(settings, "market_ticks", columns) == expected


def test_json_uuid_and_other_types_survive(source, settings):
    source.execute("drop table if exists odd; create table odd (at timestamptz, j jsonb, u uuid,"
                   " b boolean, d double precision, f real, day date, n numeric, s smallint,"
                   " ip inet, ns numeric[])")  # fmt: skip
    source.execute(
        "insert into odd values ('2024-01-01 00:00+00', '{\"a\": [1, null, \"x\\n\"]}',"
        " '6ba7b812-9dad-11d1-80b4-00c04fd430c8', true, 0.1, 0.1, '2024-02-29',"
        " 123456789012345678901234567890.123456789012345678901234567890, 7, '10.0.0.1',"
        " array[1.5, null])"
    )
    extract(settings, Request("odd"))
    (row,) = rows_of(settings, "odd")
    at, document, uuid, boolean, double, real, day, exact, small, address, numbers = row
    assert at == datetime(2024, 1, 1)
    same = duckdb.execute("select ?::json = ?::json", [document, '{"a": [1, null, "x\\n"]}'])
    assert same.fetchall() == [(True,)]
    assert str(uuid) == "6ba7b812-9dad-11d1-80b4-00c04fd430c8"
    assert (boolean, double, small, str(day)) == (True, 0.1, 7, "2024-02-29")
    assert abs(real - 0.1) < 1e-7
    assert exact == "123456789012345678901234567890.123456789012345678901234567890"
    assert (address, numbers) == ("10.0.0.1/32", ["1.5", None])


def test_nan_infinity_and_digits_that_do_not_fit_are_counted_and_kept_with_a_reason(
    source, settings
):
    add_ticks(source, days=1, per_day=20)
    source.execute("update market_ticks set last_price = 'NaN' where tick_id = 4")
    source.execute("alter table market_ticks alter volume type numeric")
    try:
        source.execute("update market_ticks set volume = 'Infinity' where tick_id = 5")
        source.execute("update market_ticks set volume = 0.123456789 where tick_id = 6")
        source.execute("update market_ticks set volume = 12345678901 where tick_id = 7")
        source.execute("update market_ticks set volume = 0.1234567800 where tick_id = 8")
        found = extract(settings, Request("market_ticks"))
    finally:
        source.execute("truncate market_ticks")
        source.execute("alter table market_ticks alter volume type numeric(18, 8)")
    assert (found.rows, found.rejected) == (16, 4)
    assert found.parts[0].reasons == {
        "last_price: NaN or infinite": 1,
        "volume: NaN or infinite": 1,
        "volume: does not fit DECIMAL(18,8)": 2,
    }
    kept = dict(rows_of(settings, "market_ticks", "tick_id, volume"))
    assert kept[8] == Decimal("0.12345678")
    assert not {4, 5, 6, 7} & set(kept)
    folder = manifest.folder_of(settings, "market_ticks")
    refused = duckdb.sql(f"from '{folder / found.parts[0].rejects_file}'").fetchall()
    assert len(refused) == 4
    assert any("NaN" in raw_text for raw_text, _ in refused)


def test_times_that_are_infinite_or_have_no_room_are_never_other_times(source, settings):
    source.execute("drop table if exists ends; create table ends (at timestamptz, n int,"
                   " zoned timestamptz, plain timestamp, day date)")  # fmt: skip
    times = ["infinity", "-infinity", "294246-12-31", "0044-03-15 BC", "294250-06-01"]
    for number, time in enumerate(times):
        source.execute("insert into ends values ('2024-01-01 00:00:00.5+00', %s, %s, %s, null)",
                       [number, time, time])  # fmt: skip
    source.execute(
        "insert into ends values ('2024-01-02 00:00+00', 5, null, null, 'infinity'),"
        " ('2024-01-02 00:00+00', 6, null, null, '5874897-12-31')"
    )
    found = extract(settings, Request("ends", time="at"))
    assert found.parts[0].reasons == {"zoned: does not fit TIMESTAMP": 1}
    kept = rows_of(settings, "ends", "n, zoned::varchar, plain::varchar, day::varchar")
    assert kept == [
        (0, "infinity", "infinity", None),
        (1, "-infinity", "-infinity", None),
        (2, "294246-12-31 00:00:00", "294246-12-31 00:00:00", None),
        (3, "0044-03-15 (BC) 00:00:00", "0044-03-15 (BC) 00:00:00", None),
        (5, None, None, "infinity"),
        (6, None, None, "5874897-12-31"),
    ]
    source.execute("insert into ends values ('infinity', 7)")
    with pytest.raises(IngestError, match=r"ends\.at has the time infinity"):
        extract(settings, Request("ends", time="at"))


def test_columns_of_other_types_than_ours_are_exact_or_refused(source, settings):
    source.execute(
        "drop view if exists foreign_ticks; create view foreign_ticks as select * from (values"
        " (1::numeric, 'binance'::char(8), 7, timestamptz '2024-08-08', 1e-7::float8, '12'::text,"
        "  '{{a,b},{c,d}}'::text[][]),"
        " (2.5, 'binance', 7, '2024-08-08', 'NaN', '12', null),"
        " (3, 'binance', 7, '2024-08-08', 1e-9, '12', null),"
        " (4, 'binance', 7, '2024-08-08', 2, 'twelve', '[5:6]={e,null}'))"
        " as t (tick_id, exchange, symbol, timestamp, last_price, sequence_number, conditions)"
    )
    source.execute("alter table market_ticks rename to elsewhere;"
                   " alter view foreign_ticks rename to market_ticks")  # fmt: skip
    try:
        found = extract(settings, Request("market_ticks"))
    finally:
        source.execute("drop view market_ticks; alter table elsewhere rename to market_ticks")
    assert found.parts[0].reasons == {
        "tick_id: does not fit BIGINT": 1,
        "last_price: does not fit DECIMAL(18,8)": 1,
        "sequence_number: does not fit BIGINT": 1,
    }
    columns = "tick_id, exchange, symbol, last_price, sequence_number, conditions"
    assert rows_of(settings, "market_ticks", columns) == [
        (1, "binance", "7", Decimal("0.0000001"), 12, ['["a","b"]', '["c","d"]'])
    ]


def test_floats_keep_every_digit_that_the_server_shows(source, settings):
    source.execute(
        "drop view if exists floats; create view floats as select 1 as tick_id,"
        " 'binance' as exchange, 'X' as symbol, timestamptz '2024-08-08 00:00+00' as timestamp,"
        " 67123.45::real as last_price, 123456789.12345678::float8 as last_size,"
        " 9007199254740991::float8 as sequence_number, 1e-7::real as bid_price"
    )
    source.execute("alter table market_ticks rename to elsewhere;"
                   " alter view floats rename to market_ticks")  # fmt: skip
    try:
        extract(settings, Request("market_ticks"))
    finally:
        source.execute("drop view market_ticks; alter table elsewhere rename to market_ticks")
    columns = "last_price, last_size, sequence_number, bid_price"
    assert rows_of(settings, "market_ticks", columns) == [
        (Decimal("67123.45"), Decimal("123456789.12345678"), 9007199254740991, Decimal("1e-7"))
    ]


def test_elements_of_arrays_keep_every_digit(source, settings):
    source.execute(
        "drop table if exists lists; create table lists (at timestamptz, n numeric[], b boolean[],"
        " d float8[], j jsonb[])"
    )
    source.execute(
        "insert into lists values ('2024-01-01 00:00+00',"
        " array[0.12345678901234567890123, 'NaN', null, 1.10], array[true, null],"
        " array[0.1, 1e300, 'infinity'], array['{\"a\": 1.10}'::jsonb])"
    )
    extract(settings, Request("lists"))
    assert rows_of(settings, "lists", "n, b, d, j") == [
        (
            ["0.12345678901234567890123", "NaN", None, "1.10"],
            ["true", None],
            ["0.1", "1e+300", "Infinity"],
            ['{"a": 1.10}'],
        )
    ]


def test_rows_without_a_time_are_refused_not_lost(source, settings):
    source.execute("drop table if exists untimed; create table untimed (at timestamptz, n int)")
    source.execute("insert into untimed values ('2024-01-01 00:00+00', 1), (null, 2), (null, 3)")
    with pytest.raises(IngestError, match="2 rows of untimed have no at"):
        extract(settings, Request("untimed", time="at"))
    source.execute("delete from untimed where at is null")
    assert extract(settings, Request("untimed", time="at")).rows == 1


def test_tables_of_one_name_in_two_schemas_do_not_replace_each_other(source, settings):
    source.execute(
        "drop schema if exists former cascade; create schema former;"
        " drop table if exists twins; create table twins (at timestamptz, n int);"
        " create table former.twins (at timestamptz, n int);"
        " insert into twins values ('2024-01-01 00:00+00', 1);"
        " insert into former.twins values ('2024-01-01 00:00+00', 2)"
    )
    extract(settings, Request("twins"))
    with pytest.raises(UsageError, match=r'holds the rows of "public"\."twins"'):
        extract(settings, Request("former.twins"))
    assert rows_of(settings, "twins", "n") == [(1,)]
    assert extract(settings, Request("public.twins")).rows == 1


def kill(settings, request, monkeypatch):
    """Have a run read everything and be killed before its end."""
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "FINISHED", "killed/before.json")
        with pytest.raises(FileNotFoundError):
            extract(settings, request)


def test_a_killed_run_of_another_schemas_table_is_not_continued(source, settings, monkeypatch):
    source.execute(
        "drop schema if exists former cascade; create schema former;"
        " drop table if exists twins; create table twins (at timestamptz, n int);"
        " create table former.twins (at timestamptz, n int);"
        " insert into twins values ('2024-01-01 00:00+00', 1);"
        " insert into former.twins values ('2024-01-01 00:00+00', 2)"
    )
    kill(settings, Request("former.twins"), monkeypatch)
    extract(settings, Request("twins"))
    assert rows_of(settings, "twins", "n") == [(1,)]


@pytest.mark.parametrize(
    ("meanwhile", "time"),
    [
        # another table of that name, whose rows are older than the run, as on another server
        ("drop table moved; alter table other rename to moved", "made"),
        ("alter table moved add column more int default 7", "made"),
        ("select", "late"),
    ],
    ids=["table", "column", "time"],
)  # fmt: skip
def test_a_killed_run_that_read_something_else_is_not_continued(
    source, settings, monkeypatch, meanwhile, time
):
    source.execute(
        "drop table if exists moved;"
        " create table moved (made timestamptz, late timestamptz, n int);"
        " insert into moved values ('2024-01-01 00:00+00', '2024-06-01 00:00+00', 1),"
        " ('2024-01-01 01:00+00', '2026-06-01 00:00+00', 2);"
        " drop table if exists other; create table other (like moved);"
        " insert into other select made, late, n + 10 from moved"
    )
    kill(settings, Request("moved", time="made"), monkeypatch)
    source.execute(meanwhile)
    found = extract(settings, Request("moved", time=time))
    columns = "n, made at time zone 'utc', late at time zone 'utc'"
    columns += ", more" if "more" in meanwhile else ""
    expected = source.execute(f"select {columns} from moved order by 1").fetchall()
    assert rows_of(settings, "moved", columns.replace(" at time zone 'utc'", "")) == expected
    assert found.time == time


def test_a_part_by_another_time_than_the_rest_is_refused(source, settings):
    source.execute(
        "drop table if exists moved;"
        " create table moved (made timestamptz, late timestamptz);"
        " insert into moved values ('2024-01-01 00:00+00', '2026-06-01 00:00+00')"
    )
    extract(settings, Request("moved", time="made"))
    with pytest.raises(UsageError, match="holds moved by made: extract it by late as a whole"):
        extract(settings, Request("moved", since=datetime(2026, 6, 1), time="late"))
    assert extract(settings, Request("moved", time="late")).rows == 1


def test_columns_that_a_file_cannot_hold_beside_each_other_are_refused(source, settings):
    source.execute(
        'drop table if exists cases; create table cases (at timestamptz, "P" int, p int)'
    )
    with pytest.raises(UsageError, match=r"^cases has the columns P and p"):
        extract(settings, Request("cases"))
    source.execute(
        'drop table cases; create table cases (at timestamptz, u timestamptz, "U far" int)'
    )
    with pytest.raises(UsageError, match="columns u and U far"):
        extract(settings, Request("cases"))


def test_times_that_stand_for_ever_are_one_range(source, settings):
    source.execute("drop table if exists ever; create table ever (at timestamptz, n int)")
    times = ["2024-01-01", "2025-06-01", "9999-12-31", "9999-12-31 23:59:59.999999"]
    for number, time in enumerate(times):
        source.execute("insert into ever values (%s, %s)", [f"{time}+00", number])
    found = extract(settings, Request("ever"))
    assert [n for (n,) in rows_of(settings, "ever", "n")] == [0, 1, 2, 3]
    assert len(found.parts) < 110
    assert [part.rows for part in found.parts if part.rows] == [1, 1, 2]


def test_ranges_files_checksums_and_coverage_are_in_the_manifest(source, settings):
    add_ticks(source)
    source.execute("analyze market_ticks")
    found = extract(settings, Request("market_ticks"))
    assert found.rows == 120
    assert found.covered == (Range(datetime.min, found.started_at),)
    folder = manifest.folder_of(settings, "market_ticks")
    for part in found.parts:
        assert (folder / part.file).stat().st_size == part.bytes
        assert sha256_of(folder / part.file) == part.sha256
    assert manifest.load(folder) == found
    assert sorted(path.name for path in folder.glob("*.parquet")) == sorted(
        part.file for part in found.parts
    )


def test_a_clock_that_is_ahead_covers_nothing_that_is_yet_to_come(source, settings, monkeypatch):
    add_ticks(source)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr("python_ingest.migration.extract.datetime", Ahead)
    found = extract(settings, Request("market_ticks"))
    ((there,),) = source.execute("select now() at time zone 'utc'").fetchall()
    assert found.covered[-1].end <= there


@pytest.fixture
def by_day(monkeypatch):
    """Small tables are read day by day, as large ones are."""
    monkeypatch.setattr("python_ingest.migration.ranges._ROWS_PER_RANGE", 1)


def read_ranges(monkeypatch):
    read = []
    copy = range_reader.copy_range

    def counting(connection, relation, span, *rest):
        read.append(span.start)
        return copy(connection, relation, span, *rest)

    monkeypatch.setattr(range_reader, "copy_range", counting)
    return read


@pytest.mark.usefixtures("by_day")
def test_a_killed_run_goes_on_and_reads_no_finished_range_again(source, settings, monkeypatch):
    add_ticks(source, days=4)
    source.execute("analyze market_ticks")
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from python_ingest.migration import ranges\n"
        "from python_ingest.migration.extract import Request, extract\n"
        "from python_ingest.migration.range_reader import Listener\n"
        "from python_ingest.settings import load_settings\n"
        "ranges._ROWS_PER_RANGE = 1\n"
        "class Killed(Listener):\n"
        "    seen = 0\n"
        "    def rows(self, number):\n"
        "        self.seen += 1\n"
        "        if self.seen == 3: os.kill(os.getpid(), 9)\n"
        "settings = load_settings(Path('none.toml'), {'DATA_DIR': sys.argv[1]})\n"
        "extract(settings, Request('market_ticks'), Killed())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(settings.data_dir)], cwd=REPOSITORY, check=False
    )
    assert done.returncode == -9
    folder = manifest.folder_of(settings, "market_ticks")
    assert manifest.load(folder) is None
    assert len(manifest.load(folder, manifest.UNFINISHED).parts) == 2
    read = read_ranges(monkeypatch)
    found = extract(settings, Request("market_ticks"))
    assert read == [DAY + timedelta(days=2), DAY + timedelta(days=3)]
    assert found.rows == 160
    assert len(rows_of(settings, "market_ticks", "distinct tick_id")) == 160
    assert not [path for path in folder.iterdir() if path.name.startswith(".2")]
    read.clear()
    extract(settings, Request("market_ticks"))  # finished: made again
    assert len(read) == 4


@pytest.mark.usefixtures("by_day")
def test_a_damaged_file_of_an_unfinished_run_is_read_again(source, settings, monkeypatch):
    add_ticks(source)
    source.execute("analyze market_ticks")

    def fail():
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        extract(settings, Request("market_ticks"), Interfering(3, fail))
    folder = manifest.folder_of(settings, "market_ticks")
    first = manifest.load(folder, manifest.UNFINISHED).parts[0]
    content = bytearray((folder / first.file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / first.file).write_bytes(content)
    read = read_ranges(monkeypatch)
    extract(settings, Request("market_ticks"))
    assert first.start in read
    assert len(rows_of(settings, "market_ticks")) == 120


@pytest.mark.usefixtures("by_day")
@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ("insert into market_ticks (tick_id, exchange, symbol, timestamp)"
         " values (999, 'binance', 'X', '2024-08-08 12:00+00')", 121),
        ("update market_ticks set last_price = 7 where tick_id = 2", 120),
        ("delete from market_ticks where tick_id = 2", 119),
        ("insert into market_ticks (tick_id, exchange, symbol, timestamp)"
         " values (999, 'binance', 'X', '2024-08-11 12:00+00')", 121),
    ],
    ids=["insert", "update", "delete", "new day"],
)  # fmt: skip
def test_a_range_that_changes_meanwhile_is_noticed_and_read_again(source, settings, change, rows):
    add_ticks(source)
    source.execute("analyze market_ticks")
    listener = Interfering(2, lambda: source.execute(change))
    found = extract(settings, Request("market_ticks"), listener)
    if "2024-08-11" not in change:
        assert listener.told == [(DAY, False)]
    assert not any(part.is_changing for part in found.parts)
    expected = source.execute("select tick_id, last_price from market_ticks order by 1").fetchall()
    assert len(expected) == rows
    assert rows_of(settings, "market_ticks", "tick_id, last_price") == expected


@pytest.mark.usefixtures("by_day")
def test_a_range_that_never_holds_still_is_marked(source, settings):
    add_ticks(source)
    source.execute("analyze market_ticks")

    class Restless(Listener):
        def __init__(self):
            self.told = []

        def rows(self, number):
            source.execute("update market_ticks set tape = 'x' where tick_id = 2")

        def changed(self, span, *, still):
            self.told.append((span.start, still))

    listener = Restless()
    found = extract(settings, Request("market_ticks"), listener)
    assert [part.start for part in found.parts if part.is_changing] == [DAY]
    assert (DAY, True) in listener.told


@pytest.mark.usefixtures("by_day")
def test_part_of_a_table_is_extracted_again_and_the_rest_kept(source, settings, monkeypatch):
    add_ticks(source)
    source.execute("analyze market_ticks")
    extract(settings, Request("market_ticks"))
    source.execute("update market_ticks set tape = 'B' where timestamp >= '2024-08-09 12:00+00'"
                   " and timestamp < '2024-08-09 12:30+00'")  # fmt: skip
    read = read_ranges(monkeypatch)
    found = extract(
        settings, Request("market_ticks", datetime(2024, 8, 9, 6), datetime(2024, 8, 9, 7))
    )
    assert read == [datetime(2024, 8, 9)]
    assert (found.rows, [part.rows for part in found.read]) == (120, [40])
    assert [row for row in rows_of(settings, "market_ticks", "tape") if row[0]] == [("B",)]
    assert [span.start for span in found.covered] == [datetime.min]
    assert found.covered[0].end > datetime(2024, 8, 11)


@pytest.mark.usefixtures("by_day")
def test_a_day_that_is_gone_there_is_gone_from_the_extract(source, settings):
    add_ticks(source)
    source.execute("analyze market_ticks")
    extract(settings, Request("market_ticks"))
    source.execute("delete from market_ticks where timestamp >= '2024-08-09 00:00+00'")
    found = extract(settings, Request("market_ticks"))
    assert [part.start for part in found.parts] == [DAY]
    assert len(rows_of(settings, "market_ticks")) == 40
    assert found.covered[0].end == found.started_at
    folder = manifest.folder_of(settings, "market_ticks")
    assert [(part.start.day, part.rows) for part in found.gone] == [(9, 40), (10, 40)]
    assert all((folder / part.file).exists() for part in found.gone)


@pytest.mark.usefixtures("by_day")
def test_several_jobs_read_the_same(source, settings):
    add_ticks(source, days=5)
    source.execute("analyze market_ticks")
    found = extract(settings, Request("market_ticks", jobs=3))
    assert len(found.parts) == 5
    assert len(rows_of(settings, "market_ticks", "distinct tick_id")) == 200


def test_an_empty_table_and_an_unknown_one(source, settings):
    found = extract(settings, Request("market_ticks", DAY, DAY + timedelta(days=1)))
    assert (found.rows, found.parts) == (0, ())
    assert found.covered == (Range(DAY, DAY + timedelta(days=1)),)
    with pytest.raises(UsageError, match="market_ticks"):
        extract(settings, Request("market_tick"))
    source.execute("drop table if exists narrow; create table narrow (i int)")
    with pytest.raises(UsageError, match="--time"):
        extract(settings, Request("narrow"))
    source.execute("drop table narrow; create table narrow (time timestamptz, i int)")
    with pytest.raises(UsageError, match=r"^narrow has no column exchange, symbol, "):
        extract(settings, Request("narrow", timeframe="1m"))


@pytest.mark.parametrize(
    "dsn",
    [
        "host=127.0.0.1 port={port} user=bench dbname=postgres password=wr0ng-pass",
        "postgresql://bench:wr0ng-pass@127.0.0.1:{port}/postgres",
        "postgresql://nobody-here:wr0ng-pass@127.0.0.1:{port}/no_such_db",
        "postgresql://bench:wr0ng-pass@127.0.0.1:1/postgres",
        "postgresql://bench:wr0ng-pass@no-such-host.invalid/postgres",
        "bench wr0ng-pass nonsense",
        "postgresql://bench:wr0ng-pass@[::bad/postgres",
        "",
    ],
    ids=["password", "url", "user", "nothing listens", "no host", "no string", "bad url", "empty"],
)
def test_the_connection_string_is_told_to_nobody(
    postgres_dsn, settings, tmp_path, dsn, monkeypatch, capfd
):
    parameters = psycopg.conninfo.conninfo_to_dict(postgres_dsn)
    monkeypatch.setenv("TIMESCALE_DSN", dsn.format(port=parameters["port"]))
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr(sys, "argv", "ingest extract timescale --table market_ticks".split())
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code in (1, 2)
    printed = capfd.readouterr()
    assert "TIMESCALE_DSN" in printed.err
    assert "Traceback" not in printed.err
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in ("wr0ng-pass", "nobody-here", "no-such-host", "no_such_db", "bench"):
        assert secret not in printed.out + printed.err
        assert secret.encode() not in written


def test_a_server_error_tells_nothing_either(source, settings):
    source.execute("drop view if exists broken; create view broken as"
                   " select timestamptz '2024-01-01' as at, 1 / (i - 1) as x"
                   " from generate_series(1, 2) i")  # fmt: skip
    with pytest.raises(Exception, match="division by zero") as caught:
        extract(settings, Request("broken"))
    assert PASSWORD not in str(caught.value)
    manifest_text = "".join(path.read_text() for path in Path(settings.data_dir).rglob("*.json"))
    assert PASSWORD not in manifest_text


def test_ctrl_c_ends_an_extraction_while_the_server_works(source, settings):
    source.execute("drop view if exists slow; create view slow as"
                   " select timestamptz '2024-01-01' as at, pg_sleep(3600)::text as x")  # fmt: skip
    script = "from python_ingest.interrupts import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, *"extract timescale --table slow --time at".split()],
        cwd=REPOSITORY,
        env={**os.environ, "DATA_DIR": str(settings.data_dir)},
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        working = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        while source.execute(working).fetchone() == (0,):
            assert command.poll() is None
        command.send_signal(signal.SIGINT)
        _, said = command.communicate()
    source.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                   " where wait_event = 'PgSleep'")  # fmt: skip
    assert (command.returncode, said) == (130, "ingest: interrupted; what was acknowledged stays\n")


MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2025, 1, 1))


@quick
@given(first=MOMENTS, span=st.timedeltas(timedelta(0), timedelta(days=900)),
       rows=st.integers(0, 10**9))  # fmt: skip
def test_a_calendar_covers_every_instant_once(first, span, rows):
    found = calendar(first, first + span, rows)
    assert found[0].start <= first
    assert found[-1].end > first + span
    assert all(a.end == b.start for a, b in pairwise(found))


@quick
@given(first=MOMENTS, days=st.integers(1, 60), a=st.integers(-5, 70), b=st.integers(-5, 70))
def test_chosen_ranges_touch_the_wish_and_cut_nothing_kept(first, days, a, b):
    ranges = calendar(first, first + timedelta(days=days), 10**9)
    months = calendar(first, first + timedelta(days=days), 0)
    since, until = first + timedelta(days=min(a, b)), first + timedelta(days=max(a, b))
    found, asked = chosen(ranges, since, until, kept=months)
    wish = Range(since, until)
    assert asked.start <= since
    assert until <= asked.end
    for known in (*found, *(k for k in months if k.overlaps(asked))):
        assert asked.start <= known.start
        assert known.end <= asked.end
    for one in ranges:
        assert one in found or not one.overlaps(wish) or since == until
    for kept in months:
        inside = [r for r in ranges if r.overlaps(kept)]
        assert all(r in found for r in inside) or not any(r in found for r in inside)


@quick
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), max_size=8))
def test_merged_spans_are_those_instants(spans):
    ranges = [Range(DAY + timedelta(hours=s), DAY + timedelta(hours=s + n)) for s, n in spans]
    found = ()
    for one in ranges:
        found = merged([*found, one])
    hours = {s + k for s, n in spans for k in range(n)}
    covered = {h for h in range(70) for r in found
               if r.start <= DAY + timedelta(hours=h) < r.end}  # fmt: skip
    assert covered == hours
    assert all(a.end < b.start for a, b in pairwise(found))
