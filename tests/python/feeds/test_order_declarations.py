"""What declarations of order flow need: sections, several rows of a record, numbers, sums."""

import json
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from python_ingest.errors import ConfigError
from python_ingest.feeds.declaration import parsed, raw
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import CASH, KINDS, ORDERS, Kind
from python_ingest.landing.preview import preview
from python_ingest.settings import Settings

Land = Callable[..., Any]
WHOLE = """
name = "mine"
kind = "orders"
about = "a test"
facts = "ours"
checked = true

[file]
format = "csv"

[recognise]
header = ["a", "b"]

[columns]
exchange = { constant = "x" }
"""
FLEX = (
    "Symbol,DateTime,Quantity,TradePrice,IBExecID,IBOrderID,TradeID,LevelOfDetail\n"
    "EOS,20260115;093000,5,20.5,a.01,1,7,EXECUTION\n"
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('{ constant = "x" }', '{ from = "a", take = "x+" }'), "columns.exchange.0.take: needs"),
        (('{ constant = "x" }', '{ from = "a", take = "(" }'), "columns.exchange.0.take: not a pa"),
        (('{ constant = "x" }', '{ from = "a", sum = ["b"] }'), "columns.exchange.0: say one of"),
        (('format = "csv"', 'format = "csv"\nsections = "["'), "file.sections: not a pattern"),
        (
            (
                'header = ["a", "b"]\n\n[columns]\nexchange = { constant = "x" }',
                'keys = [["a"]]\n\n[columns]\nevent_id = { values = ["side"], numbered = true }',
            ),
            "columns: numbered is for lines of csv",
        ),
        (
            ('{ constant = "x" }', '{ constant = "x" }\nevent_id = { values = ["fee"] }'),
            "columns.event_id.values: there is no column 'fee'",
        ),
        (
            (
                '{ constant = "x" }',
                '{ values = ["symbol"] }\nsymbol = "a"\nevent_id = { values = ["exchange"] }',
            ),
            "columns.event_id.values: 'exchange' is made of values itself",
        ),
        (
            (
                '{ constant = "x" }',
                '{ values = ["symbol"] }\nsymbol = "a"\n'
                'event_id = { values = ["symbol"], numbered = true }',
            ),
            "columns.exchange: is made of values, and event_id is numbered within it",
        ),
        (
            ('format = "csv"\n\n[recognise]\nheader', 'format = "csv"\nsections = "x"\nnames'),
            "recognise",
        ),
    ],
)
def test_a_wrong_declaration_names_file_and_key(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "mine.toml"
    text = WHOLE.replace(*change)
    if "for lines of csv" in said:
        text = text.replace('format = "csv"', 'format = "json"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        parsed(path, raw(path), {})
    assert f"feed {path}: {said}" in str(raised.value)


def test_a_symbol_that_looks_like_the_end_of_a_section(land: Land) -> None:
    result, ask = land("orders", "flex.csv", (FLEX + "EOS,TRNT,1\nEOF,1\n").encode())
    assert (result.landed, result.rejected) == (1, 0)
    assert result.others == {"between sections": 2}
    assert (result.read, result.ignored) == (3, 2)
    assert ask("select symbol, side from raw.order_events") == [("EOS", "buy")]


def test_every_line_below_a_header_has_its_fields(land: Land) -> None:
    lines = "KO,20260115;093000,5\n" + FLEX.partition("\n")[2].replace("\n", ",more\n")
    result, ask = land("orders", "flex.csv", (FLEX + lines).encode())
    assert (result.landed, result.rejected) == (1, 2)
    assert ask("select reason from raw.rejected_rows order by line_number") == [
        ("fewer fields than the header",), ("more fields than the header",),
    ]  # fmt: skip


def test_a_line_above_all_headers_is_rejected(land: Land) -> None:
    result, ask = land("orders", "flex.csv", ("U1,5\n" + FLEX).encode(), "ib-flex")
    assert (result.landed, result.rejected) == (1, 1)
    assert ask("select reason from raw.rejected_rows") == [("no header stands before it",)]


def test_equal_lines_of_an_overlapping_export_are_the_same(land: Land) -> None:
    header = "exchange,symbol,time,side,quantity,price\n"
    line = "x,s,2024-03-04 10:00:00,buy,1,2\n"
    first, _ = land("orders", "a.csv", (header + line).encode())
    second, ask = land("orders", "b.csv", (header + line + line).encode())
    assert (first.landed, second.landed, second.duplicate) == (1, 1, 1)
    assert ask("select count(distinct order_id) from raw.order_events") == [(2,)]


def test_a_number_behind_equal_fills_does_not_depend_on_what_others_did(land: Land) -> None:
    header = "exchange,symbol,time,side,quantity,price,account_id\n"
    line = "{},s,2024-03-04 10:00:00,buy,1,2,{}\n"
    owners = [("x", "a"), ("x", "b"), ("y", "a"), ("x", "a"), ("x", ""), ("x", "main")]
    lines = [line.format(*owner) for owner in owners]
    whole, _ = land("orders", "all.csv", (header + "".join(lines)).encode())
    parts = [land("orders", f"{n}.csv", (header + one).encode())[0] for n, one in enumerate(lines)]
    assert (whole.landed, [part.landed for part in parts]) == (6, [0] * 6)


@pytest.mark.parametrize(
    ("pair", "currency"),
    [
        ("XXBTZUSD", "USD"), ("XBTPYUSD", "PYUSD"), ("XRPRLUSD", "RLUSD"), ("SOLDAI", "DAI"),
        ("DAIUSD", "USD"), ("DOTUSD", "USD"), ("PYUSDUSD", "USD"), ("PYUSDEUR", "EUR"),
        ("USDTUSDC", "USDC"), ("USDCUSDT", "USDT"), ("ETH2.SETH", "ETH"), ("XETHXXBT", "BTC"),
        ("BTC/RLUSD", "RLUSD"), ("BTC/AED", "AED"), ("ETH/XBT", "BTC"),
    ],
)  # fmt: skip
def test_a_fee_at_kraken_is_in_the_currency_of_the_pair(
    land: Land, pair: str, currency: str
) -> None:
    line = f"T,O,{pair},2024-03-04 10:00:01,buy,limit,2,4,0.1,2\n"
    content = "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol\n" + line
    _, ask = land("orders", "trades.csv", content.encode())
    assert ask("select commission, commission_currency from raw.order_events") == [
        (Decimal("0.1"), currency)
    ]


@pytest.mark.parametrize("level", ["EXECUTION", "Execution", "execution"])
def test_a_level_of_detail_may_be_written_in_any_way(land: Land, level: str) -> None:
    lines = FLEX.replace("EXECUTION", level)
    result, ask = land("orders", "flex.csv", (lines + lines.replace("a.01", "a.02")).encode())
    assert (result.landed, result.rejected) == (3, 0)
    assert ask("select event_type from raw.order_events order by 1") == [
        ("fill",), ("fill",), ("trade_correct",),
    ]  # fmt: skip


EMPTY = {
    "event_id": "e", "event_type": "fill", "event_time": "2024-03-04", "order_id": "o",
    "client_order_id": "c", "exchange": "x", "symbol": "s", "side": "buy", "order_type": "limit",
    "quantity": "1", "fill_quantity": "1", "fill_price": "2", "commission": "0",
}  # fmt: skip


@pytest.mark.parametrize("kind", [ORDERS, CASH])
def test_an_empty_text_of_order_flow_says_nothing(land: Land, kind: Kind) -> None:
    values = EMPTY if kind is ORDERS else {
        "event_id": "e", "event_time": "2024-03-04", "kind": "deposit", "amount": "1",
        "currency": "USD",
    }  # fmt: skip
    texts = [c.name for c in kind.columns if c.type == "VARCHAR" and not c.required]
    empty = [name for name in texts if name != "source"]
    content = json.dumps(values | dict.fromkeys(empty, ""))
    result, ask = land(kind.name, "a.ndjson", content.encode())
    assert (result.landed, result.rejected) == (1, 0)
    shown = ", ".join(f"coalesce({name}, 'none')" for name in empty)
    defaults = {"account_id": "main", "position_side": "net"}
    expected = tuple(defaults.get(name, "none") for name in empty)
    assert ask(f"select {shown} from {kind.table}") == [expected]


def test_conditions_of_polygon_may_have_spaces(land: Land) -> None:
    header = (
        "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,"
        "sip_timestamp,size,tape,trf_id,trf_timestamp\n"
    )
    line = 'KO,"{}",0,4,{},1720087200000000000,60,{},1720087200000000000,1,1,0,0\n'
    written = ["12,37", "12, 37", " 12 ,37 ", "12"]
    rows = "".join(line.format(text, n, n) for n, text in enumerate(written, 1))
    _, ask = land("ticks", "2024-07-04.csv", (header + rows).encode())
    assert ask("select conditions from raw.market_ticks order by trade_id") == [
        (["12", "37"],), (["12", "37"],), (["12", "37"],), (["12"],),
    ]  # fmt: skip


def test_what_is_tried_of_a_zip_has_its_name(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    names = ["XBTEUR.csv"]
    wanted = Wanted(KINDS["ticks"], "kraken-trades")
    for name in ("XBTEUR.csv", "in/ETHEUR.csv"):
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr(name, "1704067200,42283.5,0.01\n")
        found = [seen.file for seen in preview(settings, wanted, path)]
        assert found == [f"{path}/{inside}" for inside in names]
        names.append("in/ETHEUR.csv")


DATES = ("20260115", "2026-01-15", "15-Jan-26", "15-JAN-26")
BETWEEN = (";", ",", ", ", " ", "T")
TIMES = ("093000", "09:30:00")


def test_a_flex_query_may_choose_how_a_time_is_written(land: Land) -> None:
    written = [f"{d}{between}{t}" for d in DATES for between in BETWEEN for t in TIMES]
    written += [f"{one} EST" for one in written] + ["2026-01-15T09:30:00-05:00"]
    header, row = FLEX.splitlines()
    rows = [
        row.replace("20260115;093000", f'"{one}"').replace("a.01", f"a{at}.01")
        for at, one in enumerate(written)
    ]
    result, ask = land("orders", "flex.csv", ("\n".join([header, *rows]) + "\n").encode())
    assert (result.landed, result.reasons) == (len(written), [])
    assert ask("select distinct event_time::varchar from raw.order_events") == [
        ("2026-01-15 14:30:00",)
    ]


@pytest.mark.parametrize(
    "written",
    ["01/15/2026;093000", "15/01/2026;093000", "01/02/26, 09:30:00", "20260115", "20260115093000",
     "2026-01-15", "2026-13-15;093000", "20260115;093000 CET"],
)  # fmt: skip
def test_a_time_of_a_flex_query_that_may_mean_another_names_the_setting(
    settings: Settings, tmp_path: Path, written: str
) -> None:
    path = tmp_path / "flex.csv"
    path.write_text(FLEX.replace("20260115;093000", f'"{written}"'))
    (seen,) = preview(settings, Wanted(ORDERS), path)
    ((reason, rows),) = seen.rejected.items()
    assert (seen.accepted, rows) == (0, 1)
    assert reason.startswith(
        "event_time: not a time that can be read; choose in the Flex query the date format yyyyMMdd"
        " or yyyy-MM-dd"
    )


KRAKEN = (
    '"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol"\n'
    '"T","O","%s","2024-03-04 10:00:01","buy","limit",5,5,%s,1\n'
)


@pytest.mark.parametrize(
    ("pair", "fee", "currency"),
    [
        ("XXBTZUSD", "0.1", "USD"),
        ("KSM/DOT", "0.1", "DOT"),
        (
            "KSMDOT",
            "0.1",
            "commission_currency: pair KSMDOT does not tell it; export it with pairs",
        ),
        ("", "0.1", "commission_currency: missing"),
        ("KSMDOT", "0.0000", None),
        ("KSMDOT", "", None),
    ],
)
def test_a_fee_of_no_known_currency_is_rejected_by_its_pair(
    settings: Settings, tmp_path: Path, pair: str, fee: str, currency: str | None
) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(KRAKEN % (pair, fee))
    (seen,) = preview(settings, Wanted(ORDERS), path)
    if seen.accepted:
        assert seen.first[0].get("commission_currency") == currency
    else:
        assert [reason.startswith(currency or "-") for reason in seen.rejected] == [True]
