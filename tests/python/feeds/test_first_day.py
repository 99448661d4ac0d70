"""What a desk's first files had that examples had not: each landed wrongly once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[Any]]
Land = Callable[..., LandingResult]


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Land:
    """Land text under a name, of the exchange that a user names."""

    def run(kind: str, name: str, text: str, exchange: str | None = None) -> LandingResult:
        path = tmp_path / name
        path.write_text(text)
        return land_files(settings, kind, [path], exchange=exchange)[0]

    return run


def income(symbol: str, of: str, number: str) -> dict[str, object]:
    return {
        "symbol": symbol, "incomeType": of, "income": "-0.1", "asset": "BTC", "info": of,
        "time": 1709290000000, "tranId": number, "tradeId": "",
    }  # fmt: skip


def test_a_transfer_is_of_the_market_that_is_named(file: Land, rows: Rows) -> None:
    both = [income("BTCUSD_PERP", "FUNDING_FEE", "1"), income("", "TRANSFER", "2")]
    result = file("cash", "coinm.json", json.dumps(both), "binance-coinm")
    assert (result.landed, result.rejected) == (2, 0)
    assert rows("select distinct exchange from raw.cash_events") == [("binance-coinm",)]
    other = [income("BTCUSDT", "FUNDING_FEE", "3")]
    assert file("cash", "usdm.json", json.dumps(other), "binance-coinm").rejected == 1


@pytest.mark.parametrize("exchange", ["okex-options", "okex-spreads", "okex-swap", "okex"])
def test_tardis_names_of_okx(exchange: str, file: Land, rows: Rows) -> None:
    file("ticks", "t.csv", "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
         f"{exchange},X,1709290000123000,1709290000130000,9,sell,0.05,1\n")  # fmt: skip
    assert rows("select exchange from raw.market_ticks") == [("okx",)]


STREAM = (
    '{"event":"trade","channel":"live_trades_btcusd","data":{"id":9,"type":1,"amount":1,'
    '"amount_str":"1","price":5,"price_str":"5","microtimestamp":"1709290000123000"}}\n'
)


def test_bitstamps_pairs_have_one_spelling(file: Land, rows: Rows) -> None:
    """Tardis writes every symbol in capitals."""
    file("ticks", "t.csv", "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
         "bitstamp,BTCUSD,1709290000123000,1709290000130000,9,sell,5,1\n"
         "binance,BTCUSDT,1709290000123000,1709290000130000,9,sell,5,1\n")  # fmt: skip
    file(
        "ticks",
        "q.csv",
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,"
        "bid_price,bid_amount\nbitstamp,BTCUSD,1709290000123000,1709290000130000,1,6,5,1\n",
    )
    assert file("ticks", "s.ndjson", STREAM).duplicate == 1  # the same trade of the same pair
    assert rows("select symbol, count(*) from raw.market_ticks group by 1 order by 1") == [
        ("BTCUSDT", 1),
        ("btcusd", 2),
    ]


@pytest.mark.parametrize(
    ("symbol", "exchange", "landed"),
    [
        ("BTC/USDT:USDT", "binance", 0),
        ("BTC/USDT:USDT", "binance-coinm", 0),
        ("BTC/USDT:USDT", "binance-usdm", 1),
        ("BTC/USD:BTC", "binance-usdm", 0),
        ("BTC/USD:BTC", "binance-coinm", 1),
        ("BTC/USDT", "binance", 1),
    ],
)
def test_a_swap_of_ccxt_is_of_no_spot_market(
    symbol: str, exchange: str, landed: int, file: Land
) -> None:
    trade = {
        "info": {}, "id": "1", "timestamp": 1709290000000, "datetime": "2024-03-01T10:46:40Z",
        "symbol": symbol, "side": "buy", "price": 60000, "amount": 1,
    }  # fmt: skip
    assert file("ticks", "ccxt.json", json.dumps([trade]), exchange).landed == landed


CONFIRMED = (
    "ClientAccountID,AssetClass,Symbol,Date/Time,Buy/Sell,Quantity,Price,Commission,"
    "CommissionCurrency,ExecID,OrderID,TradeID,{code},LevelOfDetail\n"
    "U1,STK,AAPL,20240115;093001,SELL,-40,186,0.35,USD,00a.01.02,5002,9005,{said},EXECUTION\n"
)


@pytest.mark.parametrize("code", ["Code", "Notes/Codes"])
@pytest.mark.parametrize(
    ("said", "events"), [("Ca", ["trade_bust"]), ("O;P", ["fill", "trade_correct"])]
)
def test_a_cancelled_confirmation_corrects_nothing(
    code: str, said: str, events: list[str], file: Land, rows: Rows
) -> None:
    file("orders", "confirmations.csv", CONFIRMED.format(code=code, said=said))
    found = rows("select event_type from raw.order_events order by 1")
    assert [event for (event,) in found] == events


def test_an_empty_section_is_no_row(file: Land) -> None:
    empty = '"BOS","CTRN","Cash Transactions"\n"EOS","CTRN","0","Cash Transactions"\n'
    result = file("orders", "flex.csv", empty + CONFIRMED.format(code="Code", said="") + empty)
    assert (result.rejected, result.ignored) == (0, 4)
