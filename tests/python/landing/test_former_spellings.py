"""Rows of when nothing had several spellings are known to files that tell them otherwise."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import register_cold_file

from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.feeds.relation import hashed
from python_ingest.feeds.values import content_hash
from python_ingest.landing.batch import LandedAs, land_segment
from python_ingest.landing.land import land_files
from python_ingest.landing.spool import Segment, put, scratch
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.files import sha256_of
from python_ingest.storage.writer import open_writer

Rows = Callable[[str], list[tuple[Any, ...]]]
FORMER = 22
TICK = {"exchange": "x", "symbol": "s", "timestamp": "2025-01-15 08:00:00", "last_price": "1",
        "kind": "trade"}  # fmt: skip
ORDER = {
    "event_type": "created", "event_time": "2025-01-15 08:00:00", "order_id": "o",
    "client_order_id": "c", "exchange": "x", "symbol": "s", "side": "buy", "order_type": "limit",
    "quantity": "1",
}  # fmt: skip
METRIC = {"timestamp": "2025-01-15", "metric_type": "gauge", "value": "1"}
LOG = {"timestamp": "2025-01-15", "level": "info", "service": "s"}
SPELLINGS: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = {
    # as it landed (SQL of what it was stored as), and as another file tells it
    "ticks": [
        ({"conditions": "[]"}, {}),
        ({"conditions": "['']", "trade_id": "'1'"}, {"trade_id": "1"}),
        ({"conditions": "[null]", "trade_id": "'2'", "tape": "''"}, {"trade_id": "2"}),
        ({"conditions": "['@', null]", "trade_id": "'3'"}, {"trade_id": "3", "conditions": ["@"]}),
        ({"venue": "' '", "trade_id": "'4'"}, {"trade_id": "4", "venue": ""}),
        ({"venue": "'V'", "sequence_number": "4", "conditions": "['T']"},
         {"venue": "V", "sequence_number": 4, "conditions": ["T"]}),
    ],
    "corrections": [
        ({"trade_id": "'1'", "venue": "''"}, {"trade_id": "1"}),
        ({"trade_id": "'2'", "corrected_conditions": "['', 'T']"},
         {"trade_id": "2", "corrected_conditions": ["T"]}),
        ({"trade_id": "'3'", "corrected_conditions": "[]"},
         {"trade_id": "3", "corrected_conditions": []}),
    ],
    "orders": [
        ({"event_id": "'1'", "metadata": "'{}'"}, {"event_id": "1"}),
        ({"event_id": "'2'", "metadata": "'null'"}, {"event_id": "2", "metadata": None}),
        ({"event_id": "'3'", "metadata": "'{ \"a\": [1, 0.5] , \"t\": \"x  y\" }'"},
         {"event_id": "3", "metadata": {"a": [1, 0.5], "t": "x  y"}}),
        ({"event_id": "'4'", "metadata": "'{\"a\":0.123456789012345678}'", "account_id": "'b'"},
         {"event_id": "4", "metadata": "{\"a\": 0.123456789012345678}", "account_id": "b"}),
    ],
    "metrics": [
        ({"metric_name": "'1'", "labels": "{'service': '', 'component': null, 'environment': null,"
          " 'instance': null}"}, {"metric_name": "1"}),
        ({"metric_name": "'2'", "labels": "{'service': 'a', 'component': '', 'environment': null,"
          " 'instance': null}"}, {"metric_name": "2", "labels": {"service": "a"}}),
        ({"metric_name": "'3'", "quantiles": "{'p50': null, 'p95': null, 'p99': null,"
          " 'p999': null}"}, {"metric_name": "3", "quantiles": {}}),
    ],
    "logs": [
        ({"message": "'1'", "component": "''", "event": "' '", "data": "'{}'"}, {"message": "1"}),
        ({"message": "'2'", "exception": "{'type': '', 'message': '', 'stack_trace': ''}"},
         {"message": "2"}),
        ({"message": "'3'", "source": "{'file': '', 'line': 5, 'function': null}",
          "data": "'{\"a\": 1}'"}, {"message": "3", "source": {"line": 5}, "data": {"a": 1}}),
        ({"message": "'4'", "context": "{'correlation_id': null, 'order_id': null, 'symbol': '',"
          " 'user_id': 'u', 'session_id': null}"}, {"message": "4", "context": {"user_id": "u"}}),
    ],
}  # fmt: skip
BASE = {
    "ticks": TICK,
    "corrections": {"exchange": "x", "symbol": "s", "timestamp": "2025-01-15", "action": "bust"},
    "orders": ORDER,
    "metrics": METRIC,
    "logs": LOG,
}


def store(
    connection: duckdb.DuckDBPyConnection,
    kind: Kind,
    batch_id: int,
    rows: list[dict[str, str]],
    **more: list[Any],
) -> None:
    """Insert rows as a former version did: whatever they say, with the hash of just that."""
    connection.execute(
        "insert into raw.landings by name select ? as batch_id, ? as kind, 'f' as file_name,"
        " ? as sha256, 'csv' as format, ? as rows_read, ? as rows_landed, 0 as rows_duplicate,"
        " 0 as rows_rejected, now()::timestamp as landed_at, 1 as duration_ms,"
        " false as sequence_identifies, true as trade_id_identifies",
        [batch_id, kind.name, f"sha{batch_id}", len(rows), len(rows)],
    )
    for number, row in enumerate(rows, start=1):
        said = {name: f"'{value}'" for name, value in BASE[kind.name].items()} | row
        columns = ", ".join(
            f"({said.get(c.name, c.default or 'null')})::{c.type} as {c.name}" for c in kind.columns
        )
        number_of = f"{batch_id} * 4294967296 + {number} as {kind.id}" if kind.id else ""
        others = {
            "batch_id": str(batch_id),
            "ingestion_time": "now()::timestamp",
            **({} if kind.id else {"row_number": str(number)}),
            **({"occurrence": "1"} if kind.occurrences else {}),
            **{name: str(values[number - 1]) for name, values in more.items()},
        }
        also = ", ".join([number_of] * bool(kind.id) + [f"{v} as {n}" for n, v in others.items()])
        nanoseconds = ", null::smallint as nanoseconds" if kind.is_ordered else ""
        connection.execute(
            f"insert into {kind.table} by name select *, {content_hash(kind)} as content_hash,"
            f" {also} from (select {columns} {nanoseconds})"
        )


def former(settings: Settings, name: str, *batches: list[dict[str, str]], **more: Any) -> None:
    settings.database_path.unlink()
    with open_writer(settings, create=True) as connection:
        migrate(connection, up_to=FORMER)
        for batch_id, rows in enumerate(batches, start=1):
            store(connection, KINDS[name], batch_id, rows, **more)


def upgrade(settings: Settings) -> None:
    with open_writer(settings) as connection:
        migrate(connection)


def told(path: Path, name: str) -> Path:
    """A file that tells the rows in another spelling."""
    rows = [BASE[name] | today for _, today in SPELLINGS[name]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_upgraded_row_is_known(
    settings: Settings, rows: Rows, tmp_path: Path, name: str
) -> None:
    former(settings, name, [then for then, _ in SPELLINGS[name]])
    upgrade(settings)
    kind = KINDS[name]
    if kind.keeps_hash:
        differ = f"select count(*) from {kind.table} where content_hash <> {content_hash(kind)}"
        assert rows(differ) == [(0,)]
    (result,) = land_files(settings, name, [told(tmp_path / "a.ndjson", name)])
    assert (result.landed, result.duplicate) == (0, len(SPELLINGS[name]))
    # as it is in a warehouse that knew no other spelling
    columns = ", ".join(kind.column_names)
    stored = f"select {columns}, content_hash from {hashed(kind, kind.table)} order by all"
    upgraded = rows(stored)
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute(f"delete from {kind.table}; delete from raw.landings")
    (result,) = land_files(settings, name, [tmp_path / "a.ndjson"])
    assert result.landed == len(SPELLINGS[name])
    assert rows(stored) == upgraded


def test_what_two_spellings_made_two_is_one(settings: Settings, rows: Rows) -> None:
    """Each batch tells the same ticks; the first of them that landed is kept."""
    ids = [{"trade_id": f"'{n}'"} for n in range(3)]
    first = [
        ids[0] | {"venue": "''"},
        ids[1] | {"conditions": "[]"},
        {"conditions": "['']"},
        ids[2],
    ]
    second = [ids[0], ids[1] | {"source": "'rest'"}, {}, ids[2] | {"last_price": "2"}]
    third = [ids[1] | {"last_price": "3"}]
    former(settings, "ticks", first, second, third)
    a, b, c = (2**32 * batch for batch in (1, 2, 3))
    with open_writer(settings) as connection:
        connection.execute(
            f"insert into raw.tick_conflicts values (2, {b + 2}, {a + 2}, false),"
            f" (2, {b + 4}, {a + 4}, false), (3, {c + 1}, {b + 2}, false)"
        )
    upgrade(settings)
    kept = rows("select tick_id, source from raw.market_ticks order by tick_id")
    assert [tick_id for tick_id, _ in kept] == [a + 1, a + 2, a + 3, a + 4, b + 4, c + 1]
    # the tick has the rivals of both, and counts as the more reliable one
    conflicts = rows("select tick_id, rival_tick_id from raw.tick_conflicts order by 1")
    assert conflicts == [(b + 4, a + 4), (c + 1, a + 2)]
    assert rows("from raw.tick_confirmations") == [(2, a + 2, "rest")]
    manifest = "select rows_read, rows_landed, rows_duplicate from raw.landings order by batch_id"
    assert rows(manifest) == [(4, 4, 0), (4, 1, 3), (1, 1, 0)]
    days = rows("select relation, date::varchar, after_run from state.restored_days")
    assert days == [("market_ticks", "2025-01-15", 0)]


def test_identical_ticks_of_one_file_stay(settings: Settings, rows: Rows) -> None:
    """Without a key they are all real, however the file spelled them."""
    former(settings, "ticks", [{"conditions": "[]"}, {}, {"conditions": "['']"}], [{}])
    upgrade(settings)
    found = rows("select occurrence from raw.market_ticks order by 1")
    assert found == [(1,), (2,), (3,), (4,)]


def test_a_tick_of_another_occurrence_stays(settings: Settings, rows: Rows) -> None:
    former(settings, "ticks", [{"conditions": "[]"}, {"conditions": "[]"}], occurrence=[1, 2])
    with open_writer(settings) as connection:
        store(connection, KINDS["ticks"], 2, [{}, {}, {}], occurrence=[1, 2, 3])
    upgrade(settings)
    found = rows("select batch_id, occurrence from raw.market_ticks order by all")
    assert found == [(1, 1), (1, 2), (2, 3)]


def test_a_warehouse_of_one_spelling_stays_as_it_is(settings: Settings, rows: Rows) -> None:
    former(settings, "ticks", [{"trade_id": "'1'", "conditions": "['@', ' ']", "venue": "'V'"}])
    before = rows("select * exclude (content_hash) from raw.market_ticks")
    upgrade(settings)
    assert rows("from raw.market_ticks") == before
    assert rows("from state.restored_days") == []


def test_what_was_built_follows(settings: Settings, rows: Rows) -> None:
    former(settings, "ticks", [{"trade_id": "'1'", "venue": "''"}], [{"trade_id": "'1'"}])
    with open_writer(settings) as connection:
        connection.execute("""
            create schema if not exists intermediate;
            create table intermediate.int_disputed_ticks as
                select tick_id, venue, content_hash from raw.market_ticks;
            create table intermediate.int_latest_ticks as
                select max(tick_id) as tick_id from raw.market_ticks
        """)
    upgrade(settings)
    ticks = rows(f"select tick_id, venue, {content_hash(KINDS['ticks'])} from raw.market_ticks")
    assert ticks == rows("from intermediate.int_disputed_ticks")
    assert rows("from intermediate.int_latest_ticks") == [(2**32 + 1,)]


@pytest.mark.parametrize("name", ["ticks", "logs", "metrics"])
def test_cold_rows_of_before_are_known(
    settings: Settings, rows: Rows, tmp_path: Path, name: str
) -> None:
    kind = KINDS[name]
    former(settings, name, [then for then, _ in SPELLINGS[name]])
    relation = kind.table.removeprefix("raw.")
    folder = settings.data_dir / "cold" / relation / "date=2025-01-15"
    folder.mkdir(parents=True)
    path = folder / "a.parquet"
    with open_writer(settings) as connection:
        texts = [
            f"{column}::varchar as {column}"
            for column, kind_of in connection.execute(
                "select column_name, data_type from duckdb_columns() where schema_name = 'raw'"
                " and table_name = ? and data_type in ('UUID', 'JSON')",
                [relation],
            ).fetchall()
        ]
        if name == "logs":
            fields = ("correlation_id", "order_id", "symbol", "user_id", "session_id")
            kind_of = ", ".join(f"{field} varchar" for field in fields)
            texts.append(f"context::json::struct({kind_of}) as context")
        replaced = f"replace ({', '.join(texts)})" if texts else ""
        connection.execute(f"copy (select * {replaced} from {kind.table}) to '{path}'")
        connection.execute(f"delete from {kind.table}")
        said = {"path": str(path.relative_to(settings.data_dir)), "state": "local"}
        said["max_timestamp"] = "2025-01-16"
        register_cold_file(connection, relation, "2025-01-15", **said)
    upgrade(settings)
    (result,) = land_files(settings, name, [told(tmp_path / "a.ndjson", name)])
    assert (result.landed, result.duplicate) == (0, len(SPELLINGS[name]))
    assert rows("select count(*) from raw.tick_conflicts") == [(0,)]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_segment_of_before_lands_as_one_of_today(
    settings: Settings, rows: Rows, tmp_path: Path, name: str
) -> None:
    kind = KINDS[name]
    (first,) = land_files(settings, name, [told(tmp_path / "a.ndjson", name)])
    assert first.landed == len(SPELLINGS[name])
    with scratch(settings) as folder:
        path = folder / "b.parquet"
        with duckdb.connect() as connection:
            migrate(connection, up_to=FORMER)
            store(connection, kind, 7, [then for then, _ in SPELLINGS[name]])
            names = ", ".join((*kind.read_names, "content_hash"))
            connection.execute(
                f"copy (select {names}, null::varchar as reason, null::varchar as ignored,"
                f" null::varchar as raw_text from {kind.table}) to '{path}' (format parquet)"
            )
        segment = Segment(
            name=f"{1:020d}-{name}-0123456789ab", kind=name, file_name="b", sha256="b",
            format="ndjson", canonical=False, others={}, parquet_sha256=sha256_of(path),
            sequence_identifies=False,
        )  # fmt: skip
        put(segment, path, settings.spool_dir)
    with open_writer(settings) as connection:
        batch = land_segment(connection, settings, segment)
    assert (batch.landed, batch.duplicate) == (0, len(SPELLINGS[name]))


def test_a_restore_makes_a_batch_again_that_brings_nothing_any_more(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """The next one follows its number."""
    path = told(tmp_path / "a.ndjson", "ticks")
    land_files(settings, "ticks", [path])
    (description,) = (settings.spool_dir / "landed").glob("*.json")
    described = Segment(**json.loads(description.read_text()))
    segment = replace(described, again=True)
    description.with_suffix(".parquet").rename(settings.spool_dir / f"{segment.name}.parquet")
    with open_writer(settings) as connection:
        batch = land_segment(connection, settings, segment, LandedAs(2, datetime(2025, 2, 1), 1))
    assert (batch.batch_id, batch.landed) == (2, 0)
    assert rows("select batch_id, rows_landed from raw.landings order by 1")[1] == (2, 0)
