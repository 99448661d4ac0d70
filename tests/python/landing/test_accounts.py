"""Whose orders and cash they are: said by the file or by --account, never guessed."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from python_ingest.cli.main import app
from python_ingest.feeds.kinds import CASH, ORDERS, Kind
from python_ingest.feeds.values import content_hash
from python_ingest.landing import spool
from python_ingest.landing.batch import segment_rows
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
CASH_HEADER = "event_id,event_time,kind,amount,currency"
ORDER = {
    "event_id": "e1",
    "event_type": "fill",
    "event_time": "2026-03-02T10:00:00Z",
    "order_id": "o1",
    "client_order_id": "c1",
    "exchange": "alpaca",
    "symbol": "AAPL",
    "side": "buy",
    "order_type": "limit",
    "quantity": "1",
    "fill_quantity": "1",
    "fill_price": "10",
}


def test_one_file_for_two_accounts(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_text(json.dumps(ORDER) + "\n")
    states = [
        land_files(settings, "orders", [path], account=account)[0]
        for account in (None, "ira", None, "ira", "main")
    ]
    # said and not said are the same where it is `main`
    assert [(s.state, s.landed) for s in states] == [
        ("landed", 1),
        ("landed", 1),
        ("already landed", 0),
        ("already landed", 0),
        ("landed", 0),
    ]
    assert rows("select account_id from raw.order_events order by 1") == [("ira",), ("main",)]


def test_a_file_that_says_otherwise(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "cash.csv"
    path.write_text(
        f"{CASH_HEADER},account_id\n"
        "a,2026-03-02,deposit,1,USD,ira\n"
        "b,2026-03-02,deposit,1,USD,\n"
        "c,2026-03-02,deposit,1,USD, main \n"
        "d,2026-03-02,deposit,1,USD,all\n"
    )
    (result,) = land_files(settings, "cash", [path], account="ira")
    assert (result.landed, result.rejected) == (2, 2)
    assert rows("select reason from raw.rejected_rows order by row_number") == [
        ("account_id: it is of main, and --account says ira",),
        ("account_id: it is of all, and --account says ira",),
    ]
    (result,) = land_files(settings, "cash", [path])
    assert (result.landed, result.duplicate) == (2, 1)
    told = rows("select event_id, account_id from raw.cash_events order by all")
    assert told == [("a", "ira"), ("b", "ira"), ("b", "main"), ("c", "main")]
    assert [reason.reason for reason in result.reasons] == [
        "account_id: `all` is no account, but their total"
    ]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("ticks", "ira", "--account: ticks have no account"),
        ("cash", "all", "--account all: `all` is no account, but their total"),
        ("cash", "a b", "--account 'a b': no name of an account, such as desk-1"),
    ],
)
def test_what_is_no_account(kind: str, name: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(CASH_HEADER)
    done = CliRunner().invoke(app, ["land", kind, str(path), "--account", name])
    assert done.exit_code != 0
    assert message in str(done.exception)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("funding,-1,USDT,binance-usdm,BTCUSDT,", None),
        ("deposit,-1,USDT,binance-usdm,,", None),
        ("funding,-1,USDT,,BTCUSDT,", "symbol: without an exchange"),
        ("fee,-1,USDT,,,alpha", "strategy_id: without a symbol"),
        ("swap,-1,USDT,,,", "kind: not one of deposit, withdrawal, transfer, interest, dividend,"),
    ],
)
def test_cash_of_an_instrument(
    row: str, reason: str | None, settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "cash.csv"
    path.write_text(f"{CASH_HEADER},exchange,symbol,strategy_id\nf1,2026-03-02 08:00,{row}\n")
    (result,) = land_files(settings, "cash", [path])
    assert result.landed == (0 if reason else 1)
    assert [r.reason.startswith(reason or "") for r in result.reasons] == [True] * bool(reason)


@pytest.mark.parametrize("kind", [ORDERS, CASH])
def test_what_landed_before_is_the_same(kind: Kind) -> None:
    """A later column counts where it says more than a row of before could."""
    later = [column for column in kind.columns if column.is_later]
    assert later
    typed = ", ".join(f'null::{column.type} as "{column.name}"' for column in kind.columns)
    row = f"select {typed}"
    empty = {c.name: c.default or "null" for c in later}
    hashes = set()
    with duckdb.connect() as connection:
        for column in [None, *later]:
            said = "timestamp '2026-03-02'" if column and column.type == "TIMESTAMP" else "'x'"
            values = empty | ({column.name: said} if column else {})
            replaced = ", ".join(f"{value} as {name}" for name, value in values.items())
            sql = f"select {content_hash(kind)} from (select * replace ({replaced}) from ({row}))"
            hashes.add(connection.execute(sql).fetchone())
        former = [column for column in kind.columns if not column.is_later]
        before = Kind(kind.name, kind.table, tuple(former), kind.time)
        assert (
            connection.execute(f"select {content_hash(before)} from ({row})").fetchone() in hashes
        )
    assert len(hashes) == len(later) + 1


def test_a_segment_of_a_former_version_is_of_main(tmp_path: Path) -> None:
    path = tmp_path / "segment.parquet"
    segment = spool.Segment("n", "cash", "f", "0", "csv", canonical=False, others={})
    assert asdict(segment)["canonical"] is False
    with duckdb.connect() as connection:
        former = [c for c in CASH.columns if not c.is_later]
        typed = ", ".join(f"null::{c.type} as {c.name}" for c in former)
        verdicts = "null as reason, null as ignored, null as raw_text, 1::bigint as content_hash"
        connection.execute(f"copy (select {typed}, {verdicts}) to '{path}' (format parquet)")
        sql, _ = segment_rows(connection, segment, path)
        assert connection.execute(f"select account_id, symbol from ({sql})").fetchall() == [
            ("main", None)
        ]
