"""A small published file with the relations that readers ask for, made by hand."""

import pytest

from python_ingest.publication.publish import publish
from python_ingest.storage.writer import open_writer

# batch is in every table, so that a read which mixes two publications can be told.
RELATIONS = """
create or replace table market_ticks as
    select
        b * 1000 + i as tick_id,
        'binance' as exchange,
        if(i % 2 = 0, 'BTCUSDT', 'ETH''; drop table orders') as symbol,
        timestamp '2026-01-05' + to_seconds(i) as timestamp,
        date '2026-01-05' as date,
        (100 + i / 8)::decimal(18, 8) as last_price,
        1.00000001::decimal(18, 8) as last_size,
        null::integer as nanoseconds,
        i as sequence_number,
        i::varchar as trade_id,
        null::bigint as place,
        b as batch
    from (select $batch::bigint as b), range(1000) r(i);
create or replace view latest_ticks as
    select * from market_ticks
    qualify row_number() over (partition by exchange, symbol order by timestamp desc) = 1;
create or replace table ohlcv_bars as
    select
        'binance' as exchange,
        'BTCUSDT' as symbol,
        timeframe,
        timestamp '2026-01-05' + to_hours(i::integer) as timestamp,
        timestamp::date as date,
        (100 + i)::decimal(18, 8) as close
    from range(48) r(i), (values ('1h'), ('1m')) t(timeframe);
create or replace table orders as
    select
        md5('order' || i)::uuid as order_id,
        'buy' as side,
        i::decimal(18, 8) as quantity,
        $batch as batch
    from range(100) r(i);
create or replace table current_positions as
    select
        'binance' as exchange,
        symbol,
        strategy_id,
        2.5::decimal(18, 8) as quantity
    from (values ('BTCUSDT', 'a'), ('ETHUSDT', 'a'), ('BTCUSDT', 'b')) v(symbol, strategy_id);
create or replace table portfolio_snapshots as
    select
        timestamp '2026-01-05' + to_hours(i::integer) as snapshot_time,
        if(i % 24 = 0, 'eod', 'intraday') as snapshot_type,
        (1000 + i)::decimal(18, 2) as equity
    from range(49) r(i);
"""


@pytest.fixture
def publish_batch(settings):
    """Publish the relations as of batch n; returns the function that does."""

    def run(batch: int) -> None:
        with open_writer(settings) as connection:
            connection.execute(RELATIONS.replace("$batch", str(batch)))
        publish(settings)

    return run


@pytest.fixture
def published(settings, publish_batch):
    publish_batch(1)
    return settings
