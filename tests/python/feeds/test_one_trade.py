"""One trade that two feeds of a venue tell is one, whatever each of them leaves out."""

import itertools
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from testkit import ask

from python_ingest.landing.engine import Engine
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings


@dataclass(frozen=True)
class Trade:
    id: int
    us: int
    price: str
    size: str

    @property
    def iso(self) -> str:
        return datetime.fromtimestamp(self.us // 10**6, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (
            f".{self.us % 10**6:06d}Z"
        )


def bitstamp_rest(t: Trade) -> str:
    row = {"date": str(t.us // 10**6), "tid": str(t.id), "amount": t.size, "type": "0"}
    return json.dumps([{**row, "price": t.price}]) + "\n"


def bitstamp_stream(t: Trade) -> str:
    data = {"id": t.id, "price_str": t.price, "amount_str": t.size, "type": 0}
    data["microtimestamp"] = str(t.us)
    return json.dumps({"data": data, "channel": "live_trades_btcusd", "event": "trade"}) + "\n"


def tardis(exchange: str, symbol: str) -> Callable[[Trade], str]:
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    return lambda t: f"{head}{exchange},{symbol},{t.us},{t.us},{t.id},buy,{t.price},{t.size}\n"


def binance_stream(t: Trade) -> str:
    message = {"e": "trade", "s": "BTCUSDT", "t": t.id, "p": t.price, "q": t.size}
    return json.dumps({**message, "T": t.us // 1000, "m": False, "M": True}) + "\n"


def binance_archive(t: Trade) -> str:
    return f"{t.id},{t.price},{t.size},1,{t.us},False,True\n"


def old_binance_archive(t: Trade) -> str:
    return f"{t.id},{t.price},{t.size},1,{t.us // 1000},False,True\n"


def coinbase_rest(t: Trade) -> str:
    row = {"trade_id": t.id, "side": "sell", "size": t.size, "price": t.price, "time": t.iso}
    return json.dumps([row]) + "\n"


def coinbase_stream(t: Trade) -> str:
    row = {"type": "match", "trade_id": t.id, "side": "sell", "size": t.size, "price": t.price}
    return json.dumps({**row, "product_id": "BTC-USD", "sequence": t.id, "time": t.iso}) + "\n"


VENUES: dict[str, dict[str, Callable[[Trade], str]]] = {
    "bitstamp": {
        "btcusd.json": bitstamp_rest,
        "live.ndjson": bitstamp_stream,
        "tardis.csv": tardis("bitstamp", "btcusd"),
    },
    "binance": {
        "spot-live.ndjson": binance_stream,
        "BTCUSDT-trades-2025-01-01.csv": binance_archive,
        "BTCUSDT-trades-2024-01.csv": old_binance_archive,
        "tardis.csv": tardis("binance", "BTCUSDT"),
    },
    "coinbase": {
        "BTC-USD.json": coinbase_rest,
        "live.ndjson": coinbase_stream,
        "tardis.csv": tardis("coinbase", "BTC-USD"),
    },
}
PAIRS = [
    (venue, *pair) for venue, feeds in VENUES.items() for pair in itertools.permutations(feeds, 2)
]


def made(*seed: str) -> Trade:
    rng = random.Random("/".join(seed))  # noqa: S311 - made data
    price, size = rng.randrange(1, 10**9), rng.randrange(1, 10**9)
    us = 1_700_000_000_000_000 + rng.randrange(10**13)
    return Trade(rng.randrange(1, 10**9), us, f"{price / 100:.2f}", f"{size / 10**8:.8f}")


def told_by(feed: Callable[[Trade], str], trades: Iterable[Trade]) -> str:
    """A file of trades; a header once."""
    lines = [line for trade in trades for line in feed(trade).splitlines()]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_conflict_is_what_two_feeds_of_a_trade_contradict(
    settings: Settings, tmp_path: Path, engine: Engine, pair: tuple[str, str, str]
) -> None:
    """A trade for each way to contradict, and one of which both tell the same."""
    venue, *names = pair
    trades = {wrong: made(*pair, wrong) for wrong in ("nothing", "price", "size", "time")}
    time = trades["time"].us
    changed = trades | {
        "price": replace(trades["price"], price="0.01"),
        "size": replace(trades["size"], size="7.00000000"),
        "time": replace(trades["time"], us=time // 10**9 * 10**9 + (time + 5_432_100) % 10**9),
    }
    for number, (name, those) in enumerate(zip(names, (trades, changed), strict=True)):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        path.write_text(told_by(VENUES[venue][name], those.values()))
        (result,) = land_files(settings, "ticks", [path], engine=engine)
        assert (result.error, result.rejected, result.read) == (None, 0, len(trades))
    found = ask(
        settings,
        "select trade_id::bigint, is_one_trade from raw.tick_conflicts"
        " inner join raw.market_ticks using (tick_id)",
    )
    ids = {trade.id: wrong for wrong, trade in trades.items()}
    told = sorted((ids[trade_id], is_one) for trade_id, is_one in found)
    wrong = [(what, False) for what in ("price", "size", "time")]
    assert [each for each in told if each != ("nothing", True)] == wrong


# The same three fills, of which two are equal, as exports of one list spell them.
SPELLED = {
    "exchange,symbol,time,side,quantity,price,order_id,account_id\n": [
        "nyse,KO,2024-03-04T14:32:00Z,sell,1,60.5,,\n" * 2 + "nyse,KO,2024-03-04,buy,2,60,o1,\n",
        "nyse, KO,2024-03-04 09:32:00-05:00,SELL,1.0,60.50,,main\n"
        "nyse,KO ,2024-03-04 14:32:00.000,Sell,1.00,+60.5,,\n"
        "nyse,KO,2024-03-04T00:00:00,B,2.,60.00,o1,\n",
    ],
    "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n": [
        "2024-03-04 10:00:01,VETUSDT,SELL,0.0228,43.70VET,0.99636000USDT,0.00000250BNB\n" * 2
        + '2024-03-04 09:59:00,BTCUSDT,BUY,"65,000.5","1,000.25BTC",65016750.125USDT,1BTC\n',
        "24-03-04 10:00:01,VETUSDT,Sell,0.02280000,43.7VET,0.99636USDT,2.5E-6BNB\n" * 2
        + "2024-03-04T09:59:00Z,BTCUSDT,buy,65000.50,1000.25BTC,65016750.125USDT,1.0BTC\n",
    ],
}


@pytest.mark.parametrize("header", SPELLED)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_fills_without_ids_are_the_same_in_another_spelling(
    settings: Settings, tmp_path: Path, header: str, order: tuple[int, int]
) -> None:
    found, exchange = [], None if header.startswith("exchange") else "binance"
    for number in order:
        path = tmp_path / f"{number}.csv"
        path.write_text(header + SPELLED[header][number])
        (result,) = land_files(settings, "orders", [path], exchange=exchange)
        found.append((result.error, result.landed, result.duplicate, result.rejected))
    assert found == [(None, 3, 0, 0), (None, 0, 3, 0)]
    path.write_text(
        header + SPELLED[header][0].replace("60.5,", "60.51,").replace("43.70", "43.71")
    )
    (result,) = land_files(settings, "orders", [path], exchange=exchange)
    assert (result.landed, result.duplicate) == (2, 1)
