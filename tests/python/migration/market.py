"""A small market as TimescaleDB holds it: ticks, bars computed by PostgreSQL, orders, positions."""

import subprocess
from fractions import Fraction

import psycopg
from forked import run_dbt

from python_ingest.settings import Settings

# The bars of PostgreSQL: an implementation that is not ours.
BARS = """
insert into ohlcv_bars (bar_id, exchange, symbol, timeframe, timestamp, open, high, low, close,
    volume, vwap, trade_count, is_complete)
select row_number() over (), exchange, symbol, '{timeframe}', date_trunc('{unit}', timestamp),
    (array_agg(last_price order by timestamp, sequence_number))[1],
    max(last_price), min(last_price),
    (array_agg(last_price order by timestamp desc, sequence_number desc))[1],
    sum(last_size), round(sum(last_price * last_size) / sum(last_size), 8), count(*), true
from market_ticks where last_price is not null
group by exchange, symbol, date_trunc('{unit}', timestamp)
"""
ORDERS = [  # number, side, quantity, status, message, fills (price, quantity, minute)
    (1, "buy", "10", "filled", None, [("100.5", "4", 5), ("101.25", "6", 9)]),
    (2, "sell", "5", "partial", None, [("102", "2.5", 65)]),
    (3, "buy", "3", "cancelled", "by user", []),
    (4, "buy", "3", "cancelled", "expired", [("99.99999999", "1", 130)]),
    (5, "sell", "1", "rejected", "no margin", []),
    (6, "buy", "2", "pending", None, []),
    (7, "buy", "2", "submitted", "resting", []),
]


def fill(source: psycopg.Connection, *, days: int = 2, minutes: int = 1440) -> None:
    """Ticks of two symbols: three a minute each, trades and quotes, some at the same instant."""
    source.execute(
        """
        insert into market_ticks (tick_id, exchange, symbol, timestamp, bid_price, ask_price,
            bid_size, last_price, last_size, volume, sequence_number, conditions, tape)
        select row_number() over (order by t, s, i), 'binance', s,
            t + i * interval '7 seconds 123 microseconds',
            case when i = 2 then 99.5 + extract(hour from t) end,
            case when i = 2 then 99.75 + extract(hour from t) end,
            case when i = 2 then 3 end,
            case when i < 2 then 100 + extract(minute from t) / 7.0 + i end,
            case when i < 2 then 0.1 + extract(minute from t) / 100 end,
            null, row_number() over (partition by s order by t, i),
            case extract(minute from t)::int % 10 when 0 then array['@', 'T']
                when 5 then '{}' when 6 then array[''] when 7 then array['@', 'T', null] end,
            case when extract(minute from t)::int % 10 = 5 then '' end
        from generate_series(timestamptz '2024-08-07 00:00+00',
                timestamptz '2024-08-06 23:59+00' + %(days)s * interval '1 day',
                interval '1 minute') t,
            (values ('BTCUSDT'), ('ETHUSDT')) as symbols (s), generate_series(0, 2) i
        where extract(epoch from t)::bigint / 60 %% 1440 < %(minutes)s
        """.replace(" % 10", " %% 10"),
        {"days": days, "minutes": minutes},
    )
    for timeframe, unit in (("1m", "minute"), ("1h", "hour"), ("1d", "day")):
        source.execute(BARS.format(timeframe=timeframe, unit=unit).encode())
    for number, side, quantity, status, message, fills in ORDERS:
        add_order(source, number, side, quantity, status, message, fills)
    source.execute(
        "insert into system_metrics select i,"
        " timestamptz '2024-08-07 01:00+00' + i * interval '1 s',"
        ' \'order_latency_us\', \'histogram\', i / 7.0, \'{"service": "engine", "instance": "a"}\','
        ' \'{"p50": 1.5, "p95": 2}\', null from generate_series(1, 50) i'
    )
    source.execute(
        "insert into application_logs select i,"
        " timestamptz '2024-08-07 02:00+00' + i * interval '1 s', 'info', 'engine', 'risk',"
        " E'line one\\nand, \"two\"', 'tick', '{\"symbol\": \"BTCUSDT\"}',"
        ' \'{"b": 1, "a": [1, 2]}\', null, \'{"file": "a.rs", "line": 7}\''
        " from generate_series(1, 20) i"
    )
    source.execute(
        "insert into positions (position_id, exchange, symbol, side, quantity, average_entry_price,"
        " realized_pnl, snapshot_time, strategy_id) values"
        " (1, 'binance', 'BTCUSDT', 'long', 10, 100.95, 0, '2024-08-07 00:10+00', 'momentum'),"
        " (2, 'binance', 'BTCUSDT', 'long', 7.5, 100.95, 2.625, '2024-08-07 01:30+00', 'momentum')"
    )
    source.execute("analyze")


def add_order(source, number, side, quantity, status, message, fills):
    order_id = f"00000000-0000-4000-8000-{number:012d}"
    filled = sum(float(q) for _, q, _ in fills)
    source.execute(
        """
        insert into orders values (%(id)s, %(client)s, 'binance', 'BTCUSDT', 'momentum', %(side)s,
            'limit', 'gtc', %(quantity)s, 100, null, %(filled)s, %(average)s, %(status)s::text,
            %(message)s, %(at)s::timestamptz,
            case when %(status)s::text <> 'pending'
                then %(at)s::timestamptz + interval '1 second' end,
            %(at)s::timestamptz + %(last)s * interval '1 minute',
            case when %(status)s::text = 'filled'
                then %(at)s::timestamptz + %(last)s * interval '1 minute' end,
            %(commission)s, %(currency)s, %(id)s, null, false, '{"risk_checks": {"ok": true}}')
        """,
        {
            "id": order_id, "client": f"client-{number}", "side": side, "quantity": quantity,
            "filled": filled, "status": status, "message": message, "at": "2024-08-07 00:00+00",
            "last": max([m for *_, m in fills], default=1),
            "average": _average(fills),
            "commission": "0.5" if fills else None, "currency": "USD" if fills else None,
        },
    )  # fmt: skip
    for index, (price, size, minute) in enumerate(fills):
        source.execute(
            "insert into trades values (%s, %s, 'binance', 'BTCUSDT', %s, %s, %s,"
            " timestamptz '2024-08-07 00:00+00' + %s * interval '1 minute', now(), %s, 0, %s,"
            " %s, %s)",
            [f"00000000-0000-4000-9000-{number:06d}{index:06d}", order_id, side, size, price,
             minute, "0.5" if index == 0 else "0", "2.625" if number == 2 else None,
             f"{number}-{index}", order_id],
        )  # fmt: skip


def _average(fills):

    if not fills:
        return None
    units = sum(Fraction(p) * Fraction(q) for p, q, _ in fills) / sum(
        Fraction(q) for _, q, _ in fills
    )
    return f"{float(units):.8f}"


def dbt(
    settings: Settings, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt in a warehouse of the tests; its clock is theirs, so that retention takes nothing."""
    arguments = (*arguments, "--vars", '{"as_of": "2024-08-09 00:00:00"}')
    environment["DATABASE_TEMP_DIRECTORY"] = str(settings.data_dir / "temp")
    return run_dbt(settings.data_dir, *arguments, environment=environment)
