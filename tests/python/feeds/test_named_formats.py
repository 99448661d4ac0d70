"""What a person says of a file (`--format`, `--delimiter`, `--exchange`) and it does not bear out.

Such a file is refused whole, in one line: nothing of it lands, and no row is rejected by itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import land_text

from python_ingest.errors import UsageError
from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.engine import Engine
from python_ingest.landing.land import LandingResult
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
TARDIS += "binance,XYZUSDT,1720087200000123,1720087200000200,1,buy,1.5,2\n"
SPOT = '{"e":"trade","s":"XYZUSDT","t":1,"p":"1.5","q":"2","T":1720087200000,"m":false,"M":true}\n'
COINM = SPOT.replace("XYZUSDT", "BTCUSD_PERP")
AGG = "10,100.5,0.25,1,3,1720055357510,false\n"
KRAKEN = "1704067200,42283.5,0.01\n1704067201.5,42283.6,0.5\n"
SAYS_NOTHING_OF_OURS = "one|two|three|four\nx|y|z|w\n"
STRANGE = {"csv": SAYS_NOTHING_OF_OURS, "json": '{"oddest":1,"of":2,"all":3}\n'}


@pytest.fixture
def land(settings: Settings, tmp_path: Path, engine: Engine) -> Callable[..., LandingResult]:
    def run(name: str, content: str, kind: str = "ticks", **options: Any) -> LandingResult:
        return land_text(settings, kind, tmp_path / name, content, engine=engine, **options)

    return run


@pytest.mark.parametrize("feed", feeds(), ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_no_feed_takes_a_file_that_has_nothing_of_it(
    land: Callable[..., LandingResult], settings: Settings, feed: Any
) -> None:
    settings.database_path.unlink()
    result = land("a.txt", STRANGE[feed.file.format], feed.kind, named_format=feed.name)
    assert result.state == "failed"
    assert feed.refuse or f"it is not of feed {feed.name}: " in (result.error or "")
    assert not settings.database_path.exists()


@pytest.mark.parametrize(
    ("name", "content", "said", "says"),
    [
        (
            "a.csv",
            TARDIS,
            "bybit-trades",
            "it has no foreignNotional, grossValue, homeNotional, size, ",
        ),
        ("a.csv", TARDIS, "bybit-trades", "nearest is feed tardis-trades"),
        ("a.csv", TARDIS, "okx-trades", "it has no created_time, instrument_name, size, trade_id;"),
        ("a.csv", TARDIS, "kraken-trades", "its lines are not time, price, volume"),
        ("a.csv", "1,2\n", "kraken-trades", "its lines are not time, price, volume"),
        ("a.ndjson", SPOT, "alpaca", "it has no S (its first object has e, s, t, p, q, T, m, M)"),
        ("a.ndjson", SPOT, "alpaca-rest-trades", 'it has no page with a list "trades"'),
        ("a.csv", TARDIS, "alpaca", "it holds no JSON object"),
        ("a.ndjson", SPOT, "tardis-trades", "it has no amount, exchange, id, local_timestamp"),
    ],
)
def test_the_wrong_format_is_refused_in_one_line(
    land: Callable[..., LandingResult], name: str, content: str, said: str, says: str
) -> None:
    result = land(name, content, named_format=said)
    assert result.state == "failed"
    assert f"it is not of feed {said}: " in (result.error or "")
    assert says in (result.error or "")
    assert "\n" not in (result.error or "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            TARDIS.replace("side,", "sides,"),
            "nearest is feed tardis-trades, which has side and has no sides:",
        ),
        (
            TARDIS.replace("amount\n", "amount,fee\n"),
            "nearest is feed tardis-trades, which has no fee:",
        ),
    ],
)
def test_a_near_miss_says_which_column_is_too_many(
    land: Callable[..., LandingResult], content: str, says: str
) -> None:
    assert says in (land("a.csv", content).error or "")


@pytest.mark.parametrize("said", ["tardis-trades", "ndjson", "parquet"])
def test_a_delimiter_is_of_canonical_csv(land: Callable[..., LandingResult], said: str) -> None:
    with pytest.raises(UsageError, match=f"--delimiter is of canonical CSV, and --format {said}"):
        land("a.csv", TARDIS, named_format=said, delimiter=";")


@pytest.mark.parametrize(
    "name", ["ABCD.csv", "TRADES.csv", "EXPORT2024.csv", "USDT.csv", "BTCUSDT.csv", "AAPL.csv"]
)
def test_three_numbers_are_not_krakens_for_their_number_alone(
    land: Callable[..., LandingResult], rows: Rows, name: str
) -> None:
    result = land(name, KRAKEN)
    assert result.state == "failed"
    assert "if it is of feed kraken-trades, say so: --format kraken-trades" in (result.error or "")
    assert land(name, KRAKEN, named_format="kraken-trades").landed == 2
    assert rows("select distinct symbol from raw.market_ticks") == [(name.removesuffix(".csv"),)]


@pytest.mark.parametrize("content", ["1,2,3\n", "9999999999,1.5,2\n", "1704067200,a,b\n"])
def test_a_pairs_name_alone_is_not_krakens(
    land: Callable[..., LandingResult], content: str
) -> None:
    assert land("XBTEUR.csv", content).state == "failed"


@pytest.mark.parametrize("pair", ["XBTEUR", "ETHXBT", "1INCHUSD", "USDTUSD", "ETH2.SETH", "XDGUSD"])
def test_a_pair_of_kraken_is_known(land: Callable[..., LandingResult], pair: str) -> None:
    assert land(f"{pair}.csv", KRAKEN).landed == 2


@pytest.mark.parametrize(
    ("name", "content", "exchange"),
    [
        ("XYZUSDT-aggTrades-2024-07-04.csv", AGG, "binance-coinm"),
        ("BTCUSD_PERP-aggTrades-2024-07-04.csv", AGG, "binance-usdm"),
        ("BTCUSD_240927-aggTrades-2024-07-04.csv", AGG, "binance-usdm"),
        ("BTCUSDT_240927-aggTrades-2024-07-04.csv", AGG, "binance-coinm"),
        ("BTCUSD_PERP-aggTrades-2024-07-04.csv", AGG[:-1] + ",true\n", "binance"),
        ("BTCUSD_PERP-aggTrades-2024-07-04.csv", AGG[:-1] + ",true\n", None),
        ("futures/cm/XYZUSDT-aggTrades-2024-07.csv", AGG, None),
    ],
)
def test_a_symbol_of_another_market_contradicts(
    land: Callable[..., LandingResult], name: str, content: str, exchange: str | None
) -> None:
    result = land(name, content, exchange=exchange)
    assert result.state == "failed"
    symbol = Path(name).name.partition("-")[0]
    assert f"{symbol} is no symbol of binance" in (result.error or "") or (
        "and --exchange says" in (result.error or "")
    )


@pytest.mark.parametrize(
    ("content", "exchange", "symbol"),
    [
        (SPOT, "binance-coinm", "XYZUSDT"),
        (COINM, "binance", "BTCUSD_PERP"),
        (COINM, "binance-us", "BTCUSD_PERP"),
        ("symbol,timestamp,last_price\nBTCUSD_PERP,2024-01-02,1\n", "binance", "BTCUSD_PERP"),
        ("symbol,timestamp,last_price\nXYZUSDT,2024-01-02,1\n", "binance-coinm", "XYZUSDT"),
    ],
)
def test_rows_of_another_market_are_rejected(
    land: Callable[..., LandingResult], rows: Rows, content: str, exchange: str, symbol: str
) -> None:
    result = land("a.txt", content, exchange=exchange)
    assert (result.landed, result.rejected) == (0, 1)
    ((reason,),) = rows("select reason from raw.rejected_rows")
    assert f"--exchange says {exchange}" in reason or f"{symbol} is no symbol of" in reason


def test_what_is_named_rightly_lands(land: Callable[..., LandingResult]) -> None:
    assert land("a.csv", TARDIS, named_format="tardis-trades").landed == 1
    assert land("spot.ndjson", SPOT, named_format="binance").landed == 1
    assert land("BTCUSD_PERP-aggTrades-2024-07.csv", AGG, exchange="binance-coinm").landed == 1
    assert land("XYZUSDT-aggTrades-2024-07.csv", AGG, exchange="binance-usdm").landed == 1
    assert {feed.kind for feed in feeds()} <= set(KINDS)
