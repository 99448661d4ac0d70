{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- From when on each position may be worth something else since all of the chain was built: its
-- fills, its cash or its price changed, it is to be valued at a time besides, marks became due, or
-- rows of a day of it came back from the archive.
with

-- Positions whose fills changed, and those whose commission costs otherwise.
positions_to_restate as (

    select * from {{ ref('int_round_trips_to_restate') }}

),

cash_to_restate as (

    select * from {{ ref('int_cash_to_restate') }}

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

changed_flows as (

    select * from {{ ref('int_changed_flows') }}

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
        account_id,
        exchange,
        symbol,
        strategy_id
    from states

),

times as (

    select min(restart_at) as restart_at
    from changed_flows
    having count(*) > 0
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
        positions.*,
        times.restart_at
    from positions
    cross join times
    union all
    select
        positions.*,
        cash.restart_at
    from positions
    inner join cash_to_restate as cash
        on {{ same_key('positions', 'cash', ['account_id', 'exchange', 'symbol']) }}
    union all
    select
        positions.*,
        changed_prices.restart_at
    from changed_prices
    inner join instruments
        on {{ same_key('changed_prices', 'instruments', ['price_exchange', 'symbol']) }}
    inner join positions on {{ same_key('instruments', 'positions', ['exchange', 'symbol']) }}
    union all
    select {{ exclude_columns(['relation']) }} from restored_positions

),

final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        min(coalesce(restart_at, timestamp '-infinity')) as restart_at
    from restarts
    group by account_id, exchange, symbol, strategy_id

)

select * from final
