"""One market, account, word or id has one spelling, and an id that was rounded is none."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS, OWNERS
from python_ingest.landing import spool
from python_ingest.landing.input_files import InputFile
from python_ingest.landing.land import land_files
from python_ingest.landing.prepare import read, read_file
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
TICK = {"symbol": "s", "timestamp": "2024-01-02", "last_price": "1"}
CASH = {"event_id": "e", "event_time": "2024-01-02", "kind": "deposit", "amount": "1",
        "currency": "USD"}  # fmt: skip
FILL = {
    "event_id": "e", "event_type": "fill", "event_time": "2024-03-04", "order_id": "o",
    "client_order_id": "c", "exchange": "x", "symbol": "s", "side": "buy", "order_type": "limit",
    "quantity": "1", "fill_quantity": "1", "fill_price": "2",
}  # fmt: skip
IN_KIND = {n: v for n, v in FILL.items() if not n.startswith("fill_")} | {
    "event_type": "transfer_out"
}
CORRECTION = {
    "exchange": "x", "symbol": "s", "trade_id": "1", "action": "bust", "timestamp": "2024-01-02",
}  # fmt: skip
ROWS = {
    "ticks": {"exchange": "x", **TICK}, "orders": FILL, "cash": CASH, "corrections": CORRECTION,
    "statements": {"as_of": "2024-01-02", "quantity": "1", "symbol": "s"},
}  # fmt: skip
FORMS = ("csv", "ndjson", "parquet")
ROUNDED = ("8.95E+14", "1.23457E+15", "1E+15", "8.95e+14", "8.95E14", "8,95E+14", "5.0", "-5.00")
WHOLE = ("895000000000000", "12e45678", "1E15", "0000e0d5.5f3b.01.01", "5", "v5.0", "a+b", "1,2,3")
SPOILED = "a spreadsheet rounded this number: export it anew, with ids as texts"


def written(folder: Path, rows: Sequence[dict[str, str]], form: str) -> Path:
    path = folder / f"a.{form}"
    if form == "csv":
        lines = [",".join(f'"{cell}"' for cell in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]) + "\n")
    elif form == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def verdicts(
    settings: Settings, path: Path, kind: str, column: str, **said: str
) -> list[tuple[str | None, str | None]]:
    """Read a file as landing does; return each row's reason and what its column became."""
    wanted = Wanted(KINDS[kind], **said)
    with spool.scratch(settings) as folder, duckdb.connect() as connection:
        _, segment = read_file(settings, wanted, InputFile(path), folder)
        return connection.execute(
            f"select reason, {column} from {read(segment)} order by file_row_number"
        ).fetchall()


def each(kind: str, column: str, texts: Sequence[str]) -> list[dict[str, str]]:
    return [{**ROWS[kind], column: text} for text in texts]


def test_every_market_that_a_feed_names_is_known() -> None:
    values = [
        (feed, value)
        for feed in feeds()
        for columns in (feed.columns, *(message.columns for message in feed.messages))
        for value in columns.get("exchange", [])
        if not feed.refuse
    ]
    named = {v.constant for _, v in values} | {n for feed, _ in values for n in feed.exchanges}
    markets = OWNERS["exchange"].names
    assert named - {None} == set(markets)
    assert [name for name in markets if name != name.lower() or " " in name] == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["ticks", "orders", "corrections", "statements"])
def test_no_second_market_by_its_spelling(
    settings: Settings, tmp_path: Path, form: str, kind: str
) -> None:
    texts = ("Kraken", "KRAKEN", " kraken", "kra ken", "kraken", "Binance-USDM", "NYSE")
    known = ["kraken"] * 5 + ["binance-usdm", "NYSE"]
    path = written(tmp_path, each(kind, "exchange", texts), form)
    assert verdicts(settings, path, kind, "exchange") == [(None, name) for name in known]
    said = verdicts(settings, path, kind, "exchange", exchange="KraKen")
    assert said[:5] == [(None, "kraken")] * 5
    assert said[5][0] == "exchange: it is of binance-usdm, and --exchange says kraken"


@pytest.mark.parametrize("form", FORMS)
def test_a_name_with_other_letters_is_another_name(
    settings: Settings, tmp_path: Path, form: str
) -> None:
    """Small letters made of a dotted I and of Kelvin's sign are those of ASCII."""
    texts = ("B\u0130NANCE", "\u212araken", "binance")
    path = written(tmp_path, each("ticks", "exchange", texts), form)
    assert verdicts(settings, path, "ticks", "exchange") == [(None, name) for name in texts]
    said = verdicts(settings, path, "ticks", "exchange", exchange="\u212araken")
    assert said[1] == (None, "\u212araken")
    assert said[2][0] == "exchange: it is of binance, and --exchange says \u212araken"
    path = written(tmp_path, each("orders", "event_type", ("f\u0130ll", "FILL")), form)
    (wrong, _), right = verdicts(settings, path, "orders", "event_type")
    assert wrong is not None
    assert wrong.startswith("event_type: not one of created, ")
    assert right == (None, "fill")


@pytest.mark.parametrize("form", FORMS)
def test_an_exchange_that_is_said_has_the_known_spelling(
    settings: Settings, tmp_path: Path, form: str
) -> None:
    path = written(tmp_path, [TICK], form)
    for said, name in (("Kraken", "kraken"), ("kraken", "kraken"), ("NYSE", "NYSE")):
        assert verdicts(settings, path, "ticks", "exchange", exchange=said) == [(None, name)]


def test_parquet_that_lands_as_it_is_has_the_known_spelling(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(
        "copy (select 'Kraken' as exchange, 's' as symbol, timestamp '2024-01-03' as timestamp,"
        f" 1::decimal(18, 8) as last_price, 'REST' as source) to '{path}'"
    )
    assert land_files(settings, "ticks", [path])[0].landed == 1
    assert rows("select exchange, source from raw.market_ticks") == [("kraken", "rest")]


def test_no_second_account_by_its_spelling(settings: Settings, tmp_path: Path) -> None:
    total = "account_id: `all` is no account, but their total"
    found = [(None, "main"), (None, "main"), (total, "all"), (total, "all"), (None, "Desk")]
    texts = ("Main", "MAIN", "ALL", "all", "Desk")
    path = written(tmp_path, each("cash", "account_id", texts), "csv")
    assert verdicts(settings, path, "cash", "account_id") == found
    path = written(tmp_path, [CASH], "csv")
    for text, one in zip(texts, found, strict=True):
        assert verdicts(settings, path, "cash", "account_id", account=text) == [one]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["ticks", "orders", "cash", "corrections"])
def test_a_source_is_one_of_three_words(
    settings: Settings, tmp_path: Path, form: str, kind: str
) -> None:
    none = "source: not one of websocket, rest, backfill"
    texts = ("REST", " Backfill", "vendor", "web socket", "websocket")
    path = written(tmp_path, each(kind, "source", texts), form)
    found = verdicts(settings, path, kind, "source")
    assert found[:2] == [(None, "rest"), (None, "backfill")]
    assert [reason for reason, _ in found[2:]] == [none, none, None]


IDS = [(kind, c.name) for kind in ROWS for c in KINDS[kind].columns if c.is_id]


def test_which_columns_are_ids() -> None:
    names = {c.name for kind in ROWS for c in KINDS[kind].columns if c.name.endswith("_id")}
    # a strategy's name may be a version, and a UUID is no number
    assert {name for _, name in IDS} == names - {"strategy_id", "correlation_id"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("kind", "column"), IDS)
def test_an_id_that_a_spreadsheet_rounded_is_rejected(
    settings: Settings, tmp_path: Path, kind: str, column: str, form: str
) -> None:
    row = IN_KIND if column == "transfer_id" else ROWS[kind]
    path = written(tmp_path, [{**row, column: text} for text in ROUNDED + WHOLE], form)
    found = [reason for reason, _ in verdicts(settings, path, kind, column)]
    assert found == [f"{column}: {SPOILED}"] * len(ROUNDED) + [None] * len(WHOLE)


def test_an_id_within_another_is_looked_at(settings: Settings, tmp_path: Path) -> None:
    """What an event's id is joined of: two fills must not become one."""
    income = {"incomeType": "TRANSFER", "income": "1.0", "asset": "USDT", "symbol": "",
              "time": "1720087200000"}  # fmt: skip
    texts = (*ROUNDED, "7")
    path = written(tmp_path, [{**income, "tranId": text} for text in texts], "ndjson")
    found = [reason for reason, _ in verdicts(settings, path, "cash", "event_id")]
    assert found == [f"event_id: {SPOILED}"] * len(ROUNDED) + [None]
    fill = {"exchange": "x", "symbol": "s", "time": "2024-03-04", "side": "buy",
            "quantity": "1.0", "price": "2.0"}  # fmt: skip
    path = written(tmp_path, [{**fill, "order_id": text} for text in (*texts, "")], "csv")
    found = [reason for reason, _ in verdicts(settings, path, "orders", "event_id")]
    assert [reason is None for reason in found] == [False] * len(ROUNDED) + [True] * 2


@pytest.mark.parametrize(
    ("kind", "column", "texts", "word"),
    [
        ("orders", "side", ("sell short", "Sell-Short", "SELL_SHORT", " S"), "sell"),
        ("orders", "event_type", ("Partially Filled", "partial fill"), "partial_fill"),
        ("cash", "kind", ("Borrow Fee", "BORROW  FEE ", "borrow-fee"), "borrow_fee"),
        ("ticks", "kind", (" Trade", "TRADE"), "trade"),
        ("ticks", "aggressor_side", ("B", "b", " Buy"), "buy"),
        ("corrections", "action", ("Bust", " bust "), "bust"),
    ],
)
def test_a_word_is_read_as_people_write_it(
    settings: Settings, tmp_path: Path, kind: str, column: str, texts: Sequence[str], word: str
) -> None:
    path = written(tmp_path, each(kind, column, texts), "csv")
    assert verdicts(settings, path, kind, column) == [(None, word)] * len(texts)


def test_a_transfer_is_read_as_people_write_it(settings: Settings, tmp_path: Path) -> None:
    texts = ("Transfer Out", "TRANSFER-OUT", "transfer_out")
    path = written(tmp_path, [{**IN_KIND, "event_type": text} for text in texts], "csv")
    assert verdicts(settings, path, "orders", "event_type") == [(None, "transfer_out")] * 3
