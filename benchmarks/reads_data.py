"""The benchmark's data: the same ticks, bars and orders in the published file and in PostgreSQL.

`market_ticks` is a view over landed ticks and their amendments, as the dbt model is; PostgreSQL
gets its rows as a plain table.
"""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
from postgres import into_chunks

from python_ingest.publication.publish import publish
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

SYMBOLS = 50
TICKS_AN_HOUR = 2400  # of one symbol
BAR_DAYS = 90
END = datetime(2026, 1, 12)


def span(rows: int) -> timedelta:
    """The time that `rows` ticks cover; 20 million are a week."""
    return timedelta(hours=rows / SYMBOLS / TICKS_AN_HOUR)


def orders_of(rows: int) -> int:
    return rows // 20


TICKS = """
insert into raw.market_ticks
select
    (1::bigint << 32) + i, 1, 'binance', 'SYM' || lpad((hash(i) % $symbols)::varchar, 2, '0'),
    timestamp '$start' + to_microseconds((i * $step)::bigint),
    'trade', null, p - 0.01, p + 0.01, q, q + 1, p, q, (q * 100)::decimal(18, 8), i, i::varchar,
    ['@', 'T'], 'C', 'websocket', timestamp '$start' + to_microseconds((i * $step)::bigint + 900),
    uuid(), 1, null, null, null
from (
    select
        i,
        (100 + hash(i + 1) % 100000 / 1000)::decimal(18, 8) as p,
        (hash(i + 2) % 100000 / 1000)::decimal(18, 8) as q
    from range($rows) r(i)
)
"""

MARTS = """
create table tick_amendments as
    select
        tick_id, last_price + 1 as corrected_price, last_size as corrected_size,
        conditions as corrected_conditions, false as is_busted, false as is_superseded
    from raw.market_ticks where sequence_number % 10000 = 0;
create view market_ticks as
    select
        landed.tick_id, exchange, symbol, timestamp, bid_price, ask_price, bid_size, ask_size,
        coalesce(amended.corrected_price, landed.last_price) as last_price,
        coalesce(amended.corrected_size, landed.last_size) as last_size,
        volume, sequence_number,
        coalesce(amended.corrected_conditions, landed.conditions) as conditions,
        tape, ingestion_time, source, correlation_id, kind, venue, trade_id,
        aggressor_side, nanoseconds, place,
        coalesce(amended.is_busted, false) as is_busted, batch_id,
        timestamp::date as date
    from raw.market_ticks as landed
    left join tick_amendments as amended on landed.tick_id = amended.tick_id
    where amended.is_superseded is null or not amended.is_superseded;
create table latest_ticks as
    select * from raw.market_ticks
    qualify row_number() over (partition by exchange, symbol order by timestamp desc) = 1;
create table ohlcv_bars as
    select
        row_number() over () as bar_id, 'binance' as exchange,
        'SYM' || lpad(s::varchar, 2, '0') as symbol, timeframe,
        timestamp '$end' - to_minutes((i * minutes)::integer) as timestamp,
        p as open, p + 1 as high, p - 1 as low, p as close, p::decimal(38, 8) as volume, p as vwap,
        7::integer as trade_count, true as is_complete,
        timestamp::date as date
    from (values ('1h', 60, $days * 24), ('1m', 1, 7 * 1440)) t(timeframe, minutes, bars),
        range(1, bars + 1) r(i), range($symbols) q(s),
        (select (100 + i % 17 / 8)::decimal(18, 8) as p);
create table orders as
    select
        md5('order' || i)::uuid as order_id, 'client' || i as client_order_id,
        'binance' as exchange, 'SYM' || lpad((i % $symbols)::varchar, 2, '0') as symbol,
        's' || i % 9 as strategy_id, 'buy' as side, 'limit' as order_type, 'gtc' as time_in_force,
        1.5::decimal(18, 8) as quantity, 100.25::decimal(18, 8) as price,
        null::decimal(18, 8) as stop_price, 1.5::decimal(18, 8) as filled_quantity,
        100.25::decimal(18, 8) as average_fill_price, 'filled' as status,
        null::varchar as status_message, t as created_at, t as submitted_at, t as updated_at,
        t as filled_at, 0.1::decimal(18, 8) as commission, 'USDT' as commission_currency,
        uuid() as correlation_id, null::uuid as parent_order_id, false as extended_hours
    from (select i, timestamp '$end' - to_seconds(i) as t from range($orders) r(i));
"""

POSTGRES_TYPES = {"DOUBLE": "double precision"}
INDEXES = [
    "create index on market_ticks (timestamp desc)",
    "create index on market_ticks (symbol, timestamp desc)",
    "create index on market_ticks (exchange, timestamp desc)",
    "create index on ohlcv_bars (symbol, timeframe, timestamp desc)",
    "alter table ohlcv_bars add unique (exchange, symbol, timeframe, timestamp)",
    "alter table orders add primary key (order_id)",
    "create index on orders (symbol, created_at desc)",
    "create index on orders (status, created_at desc)",
    "create index on orders (correlation_id)",
    "alter table latest_ticks add primary key (exchange, symbol)",
    "vacuum analyze",
]


def _filled(sql: str, rows: int) -> str:
    start = END - span(rows)
    values = {
        "$symbols": SYMBOLS,
        "$step": span(rows) / timedelta(microseconds=1) / rows,
        "$start": start,
        "$end": END,
        "$days": BAR_DAYS,
        "$orders": orders_of(rows),
        "$rows": rows,
    }
    for name, value in values.items():
        sql = sql.replace(name, str(value))
    return sql


def make_published(settings: Settings, rows: int) -> None:
    """Fill the warehouse and publish it by the product's own code."""
    with open_writer(settings) as connection:
        migrate(connection)
        connection.execute(_filled(TICKS, rows))
        connection.execute(_filled(MARTS, rows))
    publish(settings)


def load_postgres(dsn: str, settings: Settings, folder: Path) -> None:
    """Copy what was published into tables of the same types, with the specification's indexes."""
    with (
        duckdb.connect(str(settings.published_path), read_only=True) as source,
        psycopg.connect(dsn, autocommit=True) as target,
    ):
        for table in ("market_ticks", "latest_ticks", "ohlcv_bars", "orders"):
            columns = source.execute(f"describe {table}").fetchall()
            types = ", ".join(f'"{c[0]}" {POSTGRES_TYPES.get(c[1], c[1])}' for c in columns)
            target.execute(f"drop table if exists {table}")
            target.execute(f"create table {table} ({types})")
            if table == "market_ticks":
                into_chunks(target, table)
            lists = [c[0] for c in columns if c[1].endswith("[]")]
            texts = ", ".join(f"'{{' || array_to_string({c}, ',') || '}}' as {c}" for c in lists)
            order = " order by timestamp" if table == "market_ticks" else ""
            replaced = f" replace ({texts})" if texts else ""
            path = folder / f"{table}.csv"
            source.execute(f"copy (select *{replaced} from {table}{order}) to '{path}' (header 0)")
            with target.cursor().copy(f"copy {table} from stdin csv") as copy, path.open("rb") as f:
                while block := f.read(1 << 20):
                    copy.write(block)
            path.unlink()
        for statement in INDEXES:
            target.execute(statement)
