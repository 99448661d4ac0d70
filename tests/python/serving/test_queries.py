import hashlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from python_ingest.serving import ReaderPool
from python_ingest.serving import queries as ask

START = datetime(2026, 1, 5)
HOSTILE = "ETH'; drop table orders"


@pytest.fixture
def pool(published):
    with ReaderPool(published) as opened:
        yield opened


def test_latest_tick_of_one_and_of_all(pool):
    assert ask.latest_tick(pool, "binance", "BTCUSDT")["timestamp"] == START + timedelta(
        seconds=998
    )
    assert ask.latest_tick(pool, "binance", "NONE") is None
    latest = ask.latest_ticks(pool)
    assert latest["symbol"].to_pylist() == ["BTCUSDT", HOSTILE]
    assert latest["last_price"].to_pylist() == [Decimal("224.75"), Decimal("224.875")]


def test_recent_ticks_are_the_newest_of_the_span_newest_first(pool):
    until = START + timedelta(seconds=500)
    ticks = ask.recent_ticks(pool, "binance", "BTCUSDT", since=START, until=until, limit=3)
    assert ticks["timestamp"].to_pylist() == [until - timedelta(seconds=s) for s in (0, 2, 4)]


def test_a_symbol_is_a_value_whatever_it_looks_like(pool):
    assert len(ask.recent_ticks(pool, "binance", HOSTILE, since=START)) == 500
    assert pool.dicts("select count(*) as n from orders") == [{"n": 100}]


def test_times_with_a_zone_mean_the_same_instant(pool):
    new_york = START.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=-5)))
    naive, zoned = (
        ask.bars(pool, "binance", "BTCUSDT", "1h", start=at, end=at + timedelta(hours=2))
        for at in (START, new_york)
    )
    assert naive["close"].to_pylist() == [100, 101]
    assert zoned.equals(naive)


def test_open_positions_of_one_strategy_or_all(pool):
    assert len(ask.open_positions(pool)) == 3
    assert ask.open_positions(pool, "a")["symbol"].to_pylist() == ["BTCUSDT", "ETHUSDT"]


def test_order_by_id(pool):
    known = UUID(hashlib.md5(b"order7", usedforsecurity=False).hexdigest())
    assert ask.order_by_id(pool, known)["quantity"] == 7
    assert ask.order_by_id(pool, UUID(int=0)) is None


def test_portfolio_curve(pool):
    assert ask.portfolio_curve(pool, "eod")["equity"].to_pylist() == [1000, 1024, 1048]
    assert len(ask.portfolio_curve(pool, end=START + timedelta(hours=3))) == 2


def test_several_statements_without_parameters(pool):
    assert pool.dicts("select 1 as a; select 2 as b") == [{"b": 2}]


def test_decimals_stay_exact_in_every_form(pool):
    sql = "select last_size from market_ticks where tick_id = ?"
    exact = Decimal("1.00000001")
    assert pool.query(sql, [1000])["last_size"].to_pylist() == [exact]
    assert pool.dicts(sql, [1000]) == [{"last_size": exact}]
    assert pool.pandas(sql, [1000])["last_size"].tolist() == [exact]
    assert pool.polars(sql, [1000])["last_size"].to_list() == [exact]
    assert pool.dicts("select $a + 1 as b", {"a": 1}) == [{"b": 2}]
