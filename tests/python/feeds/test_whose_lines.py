"""Markets of Binance whose lines are the same are told by names, or asked about; never believed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import land_text

from python_ingest.errors import FileRejectedError
from python_ingest.feeds import declared
from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.detect_format import Wanted, format_and_version
from python_ingest.feeds.kinds import CASH, KINDS
from python_ingest.feeds.recognise import Beginning
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings
from python_ingest.streaming.exchanges import EXCHANGES

Rows = Callable[[str], list[tuple[Any, ...]]]
Land = Callable[..., LandingResult]
TRADE = (
    '{"e":"trade","E":1,"s":"XYZUSDT","t":1,"p":"1","q":"2","T":1720087200000,"m":true,"M":true}'
)
LINES = {
    "trade": TRADE,
    "in a stream": f'{{"stream":"xyzusdt@trade","data":{TRADE}}}',
    "quote": '1720087200000000000 {"u":1,"s":"XYZUSDT","b":"1","B":"1","a":"2","A":"1"}',
    "recorded": f"1720087200.5: {TRADE}",
}
REPORT = json.dumps(
    {
        "e": "executionReport", "E": 1720087200000, "s": "ETHBTC", "c": "c", "S": "BUY",
        "o": "LIMIT", "f": "GTC", "q": "1", "p": "1", "C": "", "x": "NEW", "X": "NEW", "r": "NONE",
        "i": 4, "T": 1720087200000, "t": -1, "I": 8,
    }
)  # fmt: skip
FUTURES = TRADE.replace(',"M":true', "")


@pytest.fixture
def land(settings: Settings, tmp_path: Path) -> Land:
    def run(name: str, content: str, kind: str = "ticks", **options: Any) -> LandingResult:
        return land_text(settings, kind, tmp_path / "d" / name, content + "\n", **options)

    return run


def detected(content: str, path: str, kind: str = "ticks", **said: Any) -> str:
    beginning = Beginning((content + "\n").encode(), path)
    return format_and_version(Wanted(KINDS[kind], **said), beginning)[0]


NAMED = [
    ("/d/BINANCE_US.ws.1.1", "binance-us"),
    ("/d/binance.us/2024-07-04.ndjson", "binance-us"),
    ("/d/BinanceUS/spot.ndjson", "binance-us"),
    ("/d/binance-us/XYZUSDT/a.ndjson.gz", "binance-us"),
    ("/d/binance/binanceus_spot.ndjson", "binance-us"),
    ("/d/BINANCE.ws.1.1", "binance"),
    ("/d/binance_spot_btcusdt_ws.ndjson.gz", "binance"),
    ("/d/D8_spot.ndjson", "binance"),
    ("/d/binance/XYZUSDT/a.ndjson", "binance"),
    ("/d/Binance.com/a.ndjson", "binance"),
    ("/d/spot_2024.zip/a.ndjson", "binance"),
    ("/d/a.ndjson", None),
    ("/d/my-binance-bot/a.ndjson", None),  # of which market the bot is, it does not say
    ("/d/binance/us/a.ndjson", None),
    ("/d/us-east-1/binance/a.ndjson", None),
    ("/d/binance-us-east-1/a.ndjson", None),
    ("/d/us_spot.ndjson", None),
    ("/d/spotty.ndjson", None),
    ("/d/binance_futures/a.ndjson", None),
]


@pytest.mark.parametrize(("path", "market"), NAMED)
def test_a_path_tells_or_a_user_is_asked(path: str, market: str | None) -> None:
    contents = [(line, "ticks") for line in LINES.values()] + [(REPORT, "orders")]
    for content, kind in contents:
        if market is None:
            with pytest.raises(
                FileRejectedError, match="say --exchange binance-us or --exchange b"
            ):
                detected(content, path, kind)
        else:
            # what landed as binance before is not read anew
            told = detected(content, path, kind).partition(" ")[2]
            assert told == ("" if market == "binance" else "(exchange binance-us)")


@pytest.mark.parametrize(("path", "_market"), NAMED)
def test_what_tells_its_market_by_itself_is_not_asked_about(path: str, _market: str) -> None:
    assert detected(FUTURES, path).partition(" ")[0] == "binance"
    assert detected('{"result":null,"id":1}\n' + FUTURES, path).partition(" ")[0] == "binance"
    host = "wss://stream.binance.com:9443/x <-> 1720087200.5\n"
    assert detected(host + LINES["recorded"], path) == "cryptofeed-binance"
    other = host.replace("com", "us")
    assert detected(other + LINES["recorded"], path) == "cryptofeed-binance-us"


def test_every_feed_with_two_markets_asks() -> None:
    """A market that a user may say instead is believed only where the file's format is one's."""
    alike = {f"{feed.name} {feed.kind}" for feed in feeds() if feed.told}
    assert alike == {
        "binance ticks", "binance orders", "binance-income cash", "cryptofeed-binance-next ticks",
    }  # fmt: skip
    by_default = {
        f"{feed.name}"
        for feed in feeds()
        for columns in (feed.columns, *(message.columns for message in feed.messages))
        for value in columns.get("exchange", [])
        if value.either
    }
    # Binance publishes these files, and Binance.US none
    assert {name for name in by_default if name.startswith("binance")} == {
        "binance-trades", "binance-aggtrades", "binance-ui-trades", "binance-klines",
    }  # fmt: skip


@pytest.mark.parametrize("market", ["binance", "binance-us"])
def test_a_user_says_it_whatever_the_path(land: Land, rows: Rows, market: str) -> None:
    for name in ("a.ndjson", "binance/a.ndjson", "binance-us/a.ndjson"):
        land(name, LINES["trade"], exchange=market)
    assert rows("select exchange from raw.market_ticks") == [(market,)]
    land("o.ndjson", REPORT, "orders", exchange=market)
    assert rows("select exchange from raw.order_events") == [(market,)]


def test_the_same_lines_of_two_markets_are_two_files(land: Land, rows: Rows) -> None:
    for name in ("binance/a.ndjson", "binance-us/a.ndjson"):
        assert [land(name, LINES["trade"]).state for _ in range(2)] == ["landed", "already landed"]
    assert rows("select exchange from raw.market_ticks order by 1") == [
        ("binance",), ("binance-us",),
    ]  # fmt: skip


def test_what_stands_far_below_is_rejected_where_nothing_tells(land: Land, rows: Rows) -> None:
    futures = "\n".join(FUTURES.replace('"t":1', f'"t":{n}') for n in range(2, 1200))
    result = land("a.ndjson", f"{futures}\n{TRADE}")
    assert (result.landed, result.rejected) == (1198, 1)
    ((reason,),) = rows("select reason from raw.rejected_rows")
    assert reason.startswith("exchange: it may be of binance-us or binance, and nothing tells whi")


def test_a_host_contradicts_another_market() -> None:
    for host, market in (("com", "binance-us"), ("us", "binance")):
        content = f"wss://stream.binance.{host}:9443/x <-> 1720087200.5\n{LINES['recorded']}"
        with pytest.raises(FileRejectedError, match=f"and --exchange says {market}"):
            detected(content, "/d/a.ws.1.0", exchange=market)


@pytest.mark.parametrize(
    ("url", "market"),
    [
        ("wss://stream.binance.us:9443", "binance-us"),
        ("wss://stream.binance.com:9443", "binance"),
        ("ws://127.0.0.1:80", "binance"),
    ],
)
def test_a_stream_is_of_the_market_of_its_host(url: str, market: str) -> None:
    feed = next(feed for feed in feeds() if (feed.name, feed.kind) == ("binance", "ticks"))
    scan = declared.scan(feed, LINES["trade"].encode(), {}, EXCHANGES["binance"].market(url))
    assert f"'{market}'" in scan.sql


@pytest.mark.parametrize(
    ("asset", "symbol", "path", "market"),
    [
        ("USDT", "", "/d/income.json", "binance-usdm"),
        ("BTC", "BTCUSD_PERP", "/d/income.json", "binance-coinm"),
        ("BTC", "", "/d/income.json", None),
        ("BTC", "", "/d/coin-m_income.json", "binance-coinm"),
        ("BTC", "", "/d/fapi/income.json", "binance-usdm"),
    ],
)
def test_a_transfer_of_a_coin_may_be_of_two_markets(
    asset: str, symbol: str, path: str, market: str | None
) -> None:
    row = {"symbol": symbol, "incomeType": "TRANSFER", "income": "1", "asset": asset, "tranId": 1,
           "time": 1709290000000}  # fmt: skip
    if market is None:
        with pytest.raises(FileRejectedError, match="say --exchange binance-coinm or --exchange"):
            detected(json.dumps([row]), path, CASH.name)
    else:
        assert detected(json.dumps([row]), path, CASH.name).startswith("binance-income")


FOREIGN = [
    ("binance", "BTCUSD_PERP"), ("binance", "BTCUSD_240927"), ("binance", "BTCUSDT_240927"),
    ("binance-us", "BTCUSD_PERP"), ("binance-usdm", "btcusd_perp"), ("binance", "BTC/USDT:USDT"),
    ("binance-coinm", "BTCUSDT_240927"), ("binance-coinm", "BTC/USDT:USDT"),
    ("binance-usdm", "BTC/USD:BTC"),
]  # fmt: skip
OWN = [
    ("binance", "BTCUSDT"), ("binance-coinm", "BTCUSD_PERP"), ("binance-usdm", "BTCUSDT_240927"),
    ("okx", "BTCUSD_PERP"), ("binance-coinm", "BTC-USD"), ("binance-usdm", "BTC/USDT"),
    ("binance", "BINANCE:BTCUSDT"), ("binance", "BTC/USDT"),
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "tardis"])
def test_a_symbol_that_only_another_market_has_contradicts_the_row(
    settings: Settings, rows: Rows, tmp_path: Path, form: str
) -> None:
    import duckdb  # noqa: PLC0415

    path, both = tmp_path / f"a.{form}", FOREIGN + OWN
    if form == "parquet":
        listed = ", ".join(f"('{exchange}', '{symbol}')" for exchange, symbol in both)
        duckdb.execute(
            "copy (select *, timestamp '2024-01-02' as timestamp, 1::decimal(18, 8) as last_price"
            f" from (values {listed}) as t(exchange, symbol)) to '{path}'"
        )
    elif form == "ndjson":
        path.write_text(
            "".join(
                json.dumps({"exchange": e, "symbol": s, "timestamp": "2024-01-02", "last_price": 1})
                + "\n"
                for e, s in both
            )
        )
    elif form == "csv":
        lines = [f"{e},{s},2024-01-02,1\n" for e, s in both]
        path.write_text("exchange,symbol,timestamp,last_price\n" + "".join(lines))
    else:
        lines = [f"{e},{s},1720087200000123,1720087200000200,1,buy,1.5,2\n" for e, s in both]
        path.write_text("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
                        + "".join(lines))  # fmt: skip
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.rejected) == (len(OWN), len(FOREIGN))
    reasons = [reason for (reason,) in rows("select reason from raw.rejected_rows order by all")]
    assert all("its exchange says binance" in reason for reason in reasons)
    assert "symbol: BTCUSD_PERP is a symbol of binance-coinm, and its exchange says binance" in (
        reasons
    )


@pytest.mark.parametrize("kind", ["orders", "corrections", "cash", "actions", "statements"])
def test_whatever_kind_the_row_is_of(settings: Settings, tmp_path: Path, kind: str) -> None:
    rows = {
        "orders": {
            "event_id": "e", "event_type": "fill", "event_time": "2024-03-04", "order_id": "o",
            "client_order_id": "c", "side": "buy", "order_type": "limit", "quantity": "1",
            "fill_quantity": "1", "fill_price": "2",
        },
        "corrections": {"trade_id": "1", "action": "bust", "timestamp": "2024-01-02"},
        "cash": {"event_id": "e", "event_time": "2024-01-02", "kind": "funding", "amount": "1",
                 "currency": "USD"},
        "actions": {"ex_date": "2024-01-02", "kind": "split", "ratio": "2"},
        "statements": {"as_of": "2024-01-02", "quantity": "1"},
    }  # fmt: skip
    path = tmp_path / "a.ndjson"
    both = [{**rows[kind], "exchange": e, "symbol": "BTCUSD_PERP"} for e in ("binance", "okx")]
    path.write_text("".join(json.dumps(row) + "\n" for row in both))
    (result,) = land_files(settings, kind, [path])
    assert (result.landed, result.rejected) == (1, 1)


@pytest.mark.parametrize("exchange", ["binance-usdm", "binance-coinm"])
def test_a_spot_pair_of_ccxt_is_of_no_futures(land: Land, exchange: str) -> None:
    trade = {
        "info": {}, "id": "1", "timestamp": 1709290000000, "datetime": "2024-03-01T10:46:40Z",
        "symbol": "BTC/USDT", "side": "buy", "price": 60000, "amount": 1,
    }  # fmt: skip
    assert land("ccxt.json", json.dumps([trade]), exchange=exchange).rejected == 1
