"""Days and sessions, quotes, completeness, late ticks, and what a failed build leaves behind."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .conftest import MARKET, Warehouse

AS_OF = ("--vars", '{"as_of": "2024-07-05 12:00:00"}')
RUN = ("run", "--select", MARKET)
NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")


def utc(day: date, clock: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, clock, zone)
    return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def trade(exchange: str, symbol: str, at: datetime, price: Any, **more: Any) -> dict[str, Any]:
    return {
        "exchange": exchange,
        "symbol": symbol,
        "timestamp": at,
        "kind": "trade",
        "last_price": Decimal(str(price)),
        "last_size": Decimal(1),
        **more,
    }


def quote(symbol: str, at: datetime, bid: str | None, ask: str | None) -> dict[str, Any]:
    return {
        "exchange": "quoted",
        "symbol": symbol,
        "timestamp": at,
        "kind": "quote",
        "bid_price": bid and Decimal(bid),
        "ask_price": ask and Decimal(ask),
    }


NOON = datetime(2024, 7, 1, 12)
LAST = 2**63 - 1  # number of a BIGINT
SPRING, AUTUMN = date(2024, 3, 10), date(2024, 11, 3)
FIRST = [
    # FX: one trade a second before and one at 17:00 New York on both days of the change.
    *(
        trade("fx17", f"DST{day.month}", utc(day, clock, NEW_YORK), price)
        for day in (date(2024, 3, 8), SPRING, date(2023, 11, 5))
        for clock, price in ((time(16, 59, 59), 1), (time(17), 2))
    ),
    # Futures: a session over midnight, and a print in the pause at 16:30 Chicago.
    trade("globex", "ES", utc(date(2024, 7, 1), time(17), CHICAGO), 10),
    trade("globex", "ES", utc(date(2024, 7, 2), time(15, 59, 59), CHICAGO), 11),
    trade("globex", "ES", utc(date(2024, 7, 2), time(16, 30), CHICAGO), 99),
    # Regular hours, a half day with its closing auction after the bell, a holiday.
    *(
        trade("nyse", "IBM", utc(date(2024, 7, 3), clock, NEW_YORK), price, **more)
        for clock, price, more in (
            (time(9, 29, 59), 50, {}),
            (time(9, 30), 20, {}),
            (time(12, 59, 59), 21, {}),
            (time(13, 0, 4), 22, {"tape": "A", "conditions": ["6"]}),
            (time(13, 0, 5), 90, {}),
        )
    ),
    trade("nyse", "IBM", utc(date(2024, 7, 4), time(10), NEW_YORK), 70),
    # Extended hours count in minutes, not in the day; odd lots in volume only.
    *(
        trade(
            "alpaca", "T", utc(date(2024, 7, 2), clock, NEW_YORK), price, tape="C", conditions=codes
        )
        for clock, price, codes in (
            (time(8), 5, ["@", "T"]),
            (time(10), 6, ["@"]),
            (time(10, 0, 1), 9, ["@", "I"]),
            (time(10, 0, 2), 7, ["@", "Z"]),
        )
    ),
    # What the exchange did itself is no trade of the market, and sets no price.
    *(
        trade(
            "binance-usdm", "XYZUSDT", datetime(2025, 5, 2, 14, 5, second), price, conditions=codes
        )
        for second, price, codes in (
            (30, "2.21", None),
            (31, "2.44", ["INSURANCE_FUND"]),
            (32, "2.22", None),
        )
    ),
    # Quotes: half up at the ninth decimal; mid needs both sides above zero.
    quote("MID", NOON, "1.00000001", "1.00000002"),
    quote("MID", NOON + timedelta(seconds=1), "0", "5"),
    quote("MID", NOON + timedelta(seconds=2), None, "5"),
    quote("ASK", NOON, None, "3"),
    trade("quoted", "ASK", NOON, 100),
    quote("UNLISTED", NOON, "1", "2"),
    # Trades and aggregate trades.
    trade("prop", "BOTH", NOON, 1, trade_id="1"),
    trade("prop", "BOTH", NOON, 2, trade_id="1", kind="agg"),
    trade("prop", "UNPRICED", NOON, 2, kind="agg"),
    {**trade("prop", "UNPRICED", NOON, 1), "last_price": None, "bid_price": Decimal(1)},
    trade("prop", "BYAGG", NOON, 1, trade_id="1"),
    trade("prop", "BYAGG", NOON, 2, trade_id="1", kind="agg"),
    # The largest that landing accepts: their sum is beyond DECIMAL(18, 8).
    *(
        trade("prop", "HUGE", NOON, "9999.99999999", last_size=Decimal("9999999999.99999999"))
        for _ in range(300)
    ),
    # Numbers with holes: aggregate trades are numbered without, quotes and other exchanges are not.
    *(
        trade("binance", "GAP", NOON + timedelta(seconds=n), 1, kind="agg", sequence_number=n)
        for n in (1, 2, 5, 6, 9)
    ),
    *(
        {**quote("GAP", NOON, "1", "2"), "exchange": "binance", "sequence_number": n}
        for n in (1, 9)
    ),
    *(trade("prop", "GAP", NOON, 1, sequence_number=n) for n in (1, 9)),
    # The first and the last number that there is, and (late) one between them.
    *(trade("binance", "EDGE", NOON, 1, kind="agg", sequence_number=n) for n in (-(2**63), LAST)),
    # Completeness: silent since long; one tick dated tomorrow; an open minute.
    trade("silent", "S", datetime(2024, 7, 3), 1),
    trade("future", "F", datetime(2024, 7, 5, 12), 1),
    trade("future", "F", datetime(2024, 7, 5, 12, 5), 1),
    trade("live", "L", datetime(2024, 7, 5, 12), 1),
    trade("live", "L", datetime(2024, 7, 5, 12, 1, 29), 1),
]
SECOND = [
    trade("binance", "EDGE", NOON + timedelta(seconds=1), 1, kind="agg", sequence_number=5),
    trade("live", "L", datetime(2024, 7, 5, 12, 1, 30), 1),
    trade("live", "M", datetime(2024, 7, 5, 12, 1, 31), 3),
    trade("nyse", "IBM", utc(date(2024, 7, 3), time(10, 0), NEW_YORK), 19),
]
# The only trade of a day of aggregate trades.
BUSTS = [
    {
        "exchange": "prop",
        "symbol": "BOTH",
        "timestamp": NOON + timedelta(minutes=9),
        "trade_id": "1",
        "action": "bust",
    }
]


@pytest.fixture(scope="module")
def warehouse(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    made = new_warehouse()
    made.land_rows("ticks", FIRST)
    with made.connect() as connection:  # as if it had been landed five minutes before its time
        connection.execute(
            "update raw.market_ticks set ingestion_time = timestamp - interval 5 minutes"
            " where exchange = 'future' and timestamp = '2024-07-05 12:05:00'"
        )
    made.build(*AS_OF)
    return made


def _days(warehouse: Warehouse, exchange: str, symbol: str) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select trading_date, timestamp, ends_at, open, high, close, trade_count from ohlcv_bars"
        f" where exchange = '{exchange}' and symbol = '{symbol}' and timeframe = '1d' order by 2"
    )


def test_fx_days_start_at_five_in_new_york(warehouse: Warehouse) -> None:
    spring = _days(warehouse, "fx17", "DST3")
    assert [row[:3] for row in spring] == [
        (day, utc(day - timedelta(1), time(17), NEW_YORK), utc(day, time(17), NEW_YORK))
        for day in (date(2024, 3, 8), date(2024, 3, 9), SPRING, date(2024, 3, 11))
    ]
    assert [(row[2] - row[1]) / timedelta(hours=1) for row in spring] == [24, 24, 23, 24]
    autumn = _days(warehouse, "fx17", "DST11")
    assert [(row[0], (row[2] - row[1]) / timedelta(hours=1)) for row in autumn] == [
        (date(2023, 11, 5), 25),
        (date(2023, 11, 6), 24),
    ]


def test_sessions(warehouse: Warehouse) -> None:
    (futures,) = _days(warehouse, "globex", "ES")
    assert futures[0] == date(2024, 7, 2)
    assert futures[3:] == (10, 11, 11, 2)
    (half_day,) = _days(warehouse, "nyse", "IBM")[:1]
    assert half_day[0] == date(2024, 7, 3)
    assert half_day[3:] == (20, 22, 22, 3)
    assert len(_days(warehouse, "nyse", "IBM")) == 1


def test_conditions(warehouse: Warehouse) -> None:
    (day,) = _days(warehouse, "alpaca", "T")
    assert day[3:] == (6, 7, 6, 4)
    minutes = warehouse.rows(
        "select open, high, low, close, volume, trade_count from ohlcv_bars"
        " where exchange = 'alpaca' and timeframe = '1m' order by timestamp"
    )
    assert minutes == [(5, 5, 5, 5, 1, 1), (6, 7, 6, 6, 3, 3)]
    of_futures = warehouse.rows(
        "select open, high, low, close, volume from ohlcv_bars"
        " where exchange = 'binance-usdm' and timeframe in ('1m', '1d')"
    )
    assert (
        of_futures == [(Decimal("2.21"), Decimal("2.22"), Decimal("2.21"), Decimal("2.22"), 2)] * 2
    )
    assert warehouse.rows(
        "select last_price from latest_ticks where exchange = 'binance-usdm'"
    ) == [(Decimal("2.22"),)]


def test_quotes_and_kinds(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select symbol, open, close, volume, vwap, trade_count from ohlcv_bars"
        " where exchange in ('quoted', 'prop') and symbol not in ('HUGE', 'GAP')"
        " and timeframe = '1d' order by 1"
    )
    mid = Decimal("1.00000002")
    assert rows == [
        ("ASK", 3, 3, 0, None, 0),
        ("BOTH", 1, 1, 1, 1, 1),
        ("BYAGG", 2, 2, 1, 2, 1),
        ("MID", mid, mid, 0, None, 0),
        ("UNPRICED", 2, 2, 1, 2, 1),
    ]


def test_large_sums(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select distinct volume, vwap from ohlcv_bars where symbol = 'HUGE'")
    assert rows == [(300 * Decimal("9999999999.99999999"), Decimal("9999.99999999"))]


def test_gaps_of_feeds_numbered_without_holes(warehouse: Warehouse) -> None:
    gaps = warehouse.rows("select * from tick_gaps where symbol = 'GAP' order by from_number")
    second = timedelta(seconds=1)
    assert gaps == [
        ("binance", "GAP", "agg", 3, 4, 2, NOON + 2 * second, NOON + 5 * second),
        ("binance", "GAP", "agg", 7, 8, 2, NOON + 6 * second, NOON + 9 * second),
    ]


def test_late_ticks_completeness_and_revisions(warehouse: Warehouse) -> None:
    complete = (
        "select exchange, timestamp, is_complete from ohlcv_bars where timeframe = '1m'"
        " and exchange in ('silent', 'future', 'live') and symbol <> 'M' order by 1, 2"
    )
    noon = datetime(2024, 7, 5, 12)
    states = [
        ("future", noon, False),
        ("future", noon + timedelta(minutes=5), False),
        ("live", noon, False),
        ("live", noon + timedelta(minutes=1), False),
        ("silent", datetime(2024, 7, 3), True),
    ]
    assert warehouse.rows(complete) == states
    before = warehouse.rows("select * from ohlcv_bars order by all")
    warehouse.land_rows("ticks", SECOND)
    warehouse.land_rows("corrections", BUSTS)
    warehouse.build(*AS_OF)
    states[2] = ("live", noon, True)
    assert warehouse.rows(complete) == states
    late = "exchange = 'nyse' and timestamp >= '2024-07-03' and timestamp < '2024-07-04'"
    revised = warehouse.rows(
        "select timeframe, open, high, low, close, trade_count from ohlcv_bar_revisions"
        f" where {late} order by 1"
    )
    assert ("1d", 20, 22, 20, 22, 3) in revised
    assert ("1m", *([20] * 4), 1) not in revised  # another minute than the late tick's
    spans = warehouse.rows(f"select valid_from < valid_to from ohlcv_bar_revisions where {late}")
    assert spans == [(True,)] * len(revised)
    # What no tick touched is as it was, to the time it was built at.
    untouched = "exchange not in ('nyse', 'live') and symbol not in ('BOTH', 'EDGE')"
    after = warehouse.rows(f"select * from ohlcv_bars where {untouched} order by all")
    touched = {"BOTH", "EDGE"}
    assert after == [
        row for row in before if row[1] not in {"nyse", "live"} and row[2] not in touched
    ]
    # A day whose trades were busted is one of aggregate trades again.
    closes = "select distinct close, trade_count from ohlcv_bars where symbol = 'BOTH'"
    assert warehouse.rows(closes) == [(2, 1)]
    # More numbers are missing than a BIGINT counts.
    gaps = "select from_number, to_number, missing_count from tick_gaps where symbol = 'EDGE'"
    assert warehouse.rows(f"{gaps} order by 1") == [
        (-LAST, 4, None),
        (6, LAST - 1, LAST - 6),
    ]


def test_revisions_follow_each_other_without_a_gap(warehouse: Warehouse) -> None:
    """What was believed of one bar: each reading until the moment the next one was built."""
    bar = "symbol = 'IBM' and timeframe = '1d' and timestamp < '2024-07-04'"
    when = utc(date(2024, 7, 3), time(11), NEW_YORK)
    for price in (18, 17):
        warehouse.land_rows("ticks", [trade("nyse", "IBM", when, price)])
        warehouse.build(*AS_OF)
    before = warehouse.rows(
        f"select low, valid_from, valid_to from ohlcv_bar_revisions where {bar} order by valid_from"
    )
    now = warehouse.rows(f"select low, built_at, null from ohlcv_bars where {bar}")
    chain = before + now
    lows = [row[0] for row in chain]
    assert lows == sorted(lows, reverse=True)
    assert (lows[0], *lows[-2:]) == (20, 18, 17)
    assert [row[2] for row in before] == [row[1] for row in chain[1:]]


def test_empty_buckets_carry_the_close(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select timestamp, open, close, volume, is_filled from ohlcv_bars_filled"
        " where exchange = 'alpaca' and timeframe = '1h' order by 1"
    )
    start = utc(date(2024, 7, 2), time(8), NEW_YORK)
    assert rows == [
        (start, 5, 5, 1, False),
        (start + timedelta(hours=1), 5, 5, 0, True),
        (start + timedelta(hours=2), 6, 6, 3, False),
    ]


def test_a_copy_from_rest_decides_between_conflicting_ticks(warehouse: Warehouse) -> None:
    """Whether it comes after the conflict (A), or before it (B): its price is the close."""

    def ticks(case: str, *, rival: bool, **more: Any) -> list[dict[str, Any]]:
        return [
            trade(
                "prop", f"{case}{n}", NOON, 2 - n % 2 if rival else 1 + n % 2, trade_id="1", **more
            )
            for n in range(8)
        ]

    def closes(case: str) -> list[Any]:
        (prices,) = warehouse.rows(
            "select list(close order by symbol) from ohlcv_bars where timeframe = '1m'"
            f" and exchange = 'prop' and regexp_matches(symbol, '^{case}[0-7]$')"
        )
        return list(prices[0])

    confirmed = [1 + n % 2 for n in range(8)]
    steps = (
        [*ticks("A", rival=False), *ticks("A", rival=True), *ticks("B", rival=False)],
        [*ticks("A", rival=False, source="rest"), *ticks("B", rival=False, source="rest")],
        ticks("B", rival=True),
    )
    found = []
    for step in steps:
        warehouse.land_rows("ticks", step)
        warehouse.build(*AS_OF)
        found.append(closes("A"))
    assert found[0] != confirmed  # the smaller hashes
    assert found[1:] == [confirmed, confirmed]
    assert closes("B") == confirmed


def test_a_build_that_fails_at_its_last_step_leaves_rows_and_chains_as_they_were(
    warehouse: Warehouse,
) -> None:
    """The last statement of a model fails: neither the bars nor their chain may have moved."""
    state = (
        "select count(*), sum(built_run) from warm.ohlcv_bars_warm",
        "select * from state.chains where chain in ('ticks', 'bars') order by all",
        "select * from ohlcv_bar_revisions order by all",
        "select count(*) from state.vanished_rows",
    )
    before = [warehouse.rows(query) for query in state]
    warehouse.land_rows("ticks", [trade("silent", "S", datetime(2024, 7, 3), 2)])
    macro = warehouse.project / "macros" / "engine" / "restate.sql"
    text = macro.read_text()
    try:
        macro.write_text(
            text.replace(
                "select * from {{ new }}\n", "select error('power cut'), * from {{ new }}\n"
            )
        )
        failed = warehouse.dbt(*RUN, "--no-partial-parse", *AS_OF, check=False)
    finally:
        macro.write_text(text)
    assert "power cut" in failed.stdout
    assert [warehouse.rows(query) for query in state] == before
    warehouse.build(*AS_OF)
    assert warehouse.rows(
        "select close from ohlcv_bars where exchange = 'silent' and timeframe = '1m'"
    ) in ([(1,)], [(2,)])
    assert warehouse.rows(
        "select trade_count from ohlcv_bars where exchange = 'silent' and timeframe = '1m'"
    ) == [(2,)]


def test_other_seeds_are_noticed(warehouse: Warehouse) -> None:
    """Also where nothing landed: a chain that is complete remembers the seeds of today."""
    as_built = "select * from state.reference_as_built where chain <> 'trading' order by all"
    before = warehouse.rows(as_built)
    seeds = [
        ("ticks", "trade_conditions", "int_minute_bars"),
        ("bars", "timeframes", "ohlcv_bars_warm"),
        ("bars", "exchange_calendar", "ohlcv_bars_warm"),
        ("feeds", "exchanges", "int_sequence_runs"),
    ]
    for chain, seed, model in seeds:
        of_seed = f"chain = '{chain}' and kind = '{seed}'"
        with warehouse.connect() as connection:
            built = connection.execute(f"from state.reference_as_built where {of_seed}").fetchall()
            update = f"update state.reference_as_built set content = 'other' where {of_seed}"
            assert connection.execute(update).fetchall() == [(1,)]
        failed = warehouse.dbt("run", "--select", model, *AS_OF, check=False)
        assert f"other reference data (seeds: {seed})" in failed.stdout
        assert f"--full-refresh --select config.meta.chain:{chain}+" in failed.stdout
        with warehouse.connect() as connection:
            connection.execute(f"delete from state.reference_as_built where {of_seed}")
            connection.execute(
                "insert into state.reference_as_built values (?, ?, ?, ?, ?)", built[0]
            )
    with warehouse.connect() as connection:
        connection.execute(
            "update state.reference_as_built set content = 'other' where chain <> 'trading'"
        )
    warehouse.land_rows("ticks", [trade("silent", "S", datetime(2024, 7, 3, 1), 2)])
    for _ in range(2):  # a run that stopped remembers nothing
        failed = warehouse.dbt(*RUN, *AS_OF, check=False)
        for chain in ("ticks", "feeds"):  # bars are not looked at: what they read failed
            assert f"--full-refresh --select config.meta.chain:{chain}+" in failed.stdout
    warehouse.build("--full-refresh", *AS_OF)
    assert warehouse.rows(as_built) == before


def test_lost_batches_are_noticed(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        connection.execute("update state.chains set batch_id = 99 where chain = 'ticks'")
    failed = warehouse.dbt("run", "--select", "int_minute_bars", *AS_OF, check=False)
    assert "chain ticks was built with batch 99" in failed.stdout
    assert "dbt build --full-refresh" in failed.stdout


def test_a_row_outside_its_region_fails_the_build(warehouse: Warehouse) -> None:
    """A SELECT that gives more than its region says is a fault, and nothing of it is written."""
    warehouse.build("--full-refresh", *AS_OF)
    warehouse.land_rows("ticks", [trade("silent", "S", datetime(2024, 7, 3, 2), 2)])
    before = warehouse.rows("select * from ohlcv_bars order by all")
    model = warehouse.project / "models" / "marts" / "market" / "ohlcv_bars_warm.sql"
    text = model.read_text()
    try:
        model.write_text(text.replace("{% if is_incremental() %}", "{% if false %}"))
        failed = warehouse.dbt(*RUN, "--no-partial-parse", *AS_OF, check=False)
    finally:
        model.write_text(text)
    assert "rows lie outside the region that int_bars_to_restate names" in failed.stdout
    assert warehouse.rows("select * from ohlcv_bars order by all") == before
    warehouse.build(*AS_OF)
    assert warehouse.rows("select count(*) from ohlcv_bars where exchange = 'silent'") != [(0,)]
