{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- From when on each position may be worth something else since all of the chain was built: its
-- fills changed, its price did, it is to be valued at a time besides, marks have become due, or its
-- rows of a day came back from the archive.
with

positions_to_restate as (

    select * from {{ ref('int_positions_to_restate') }}

),

states as (

    select * from {{ ref('int_position_states') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

changed_prices as (

    select * from {{ ref('int_changed_prices') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

manual_snapshots as (

    select * from {{ ref('stg_manual_snapshots') }}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

restored_positions as (

    select * from {{ ref('int_restored_positions') }}
    where relation = 'positions'

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

positions as (

    select distinct
        exchange,
        symbol,
        strategy_id
    from states

),

times as (

    select changed_from as restart_at
    from cash_events
    where
        was_flow
        and changed_in_batch > (select built.batch_id from built)
    union all
    select snapshot_time as restart_at
    from manual_snapshots
    where after_run >= (select built.run_number from built)
    union all
    -- Rows of the newest time counted only while it was the newest.
    select built.valued_until as restart_at
    from built
    inner join snapshot_times
        on
            snapshot_times.snapshot_type = 'newest'
            and built.valued_until is distinct from snapshot_times.snapshot_time

),

restarts as (

    select * from positions_to_restate
    union all
    select
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        times.restart_at
    from positions
    cross join times
    union all
    select
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        changed_prices.restart_at
    from changed_prices
    inner join instruments
        on
            changed_prices.price_exchange = instruments.price_exchange
            and changed_prices.symbol = instruments.symbol
    inner join positions
        on
            instruments.exchange = positions.exchange
            and instruments.symbol = positions.symbol
    union all
    select {{ exclude_columns(['relation']) }} from restored_positions

),

final as (

    select
        exchange,
        symbol,
        strategy_id,
        min(coalesce(restart_at, timestamp '-infinity')) as restart_at
    from restarts
    group by exchange, symbol, strategy_id

)

select * from final
