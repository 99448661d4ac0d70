-- From when on a batch may have changed what a position was worth.
with

position_restarts as (

    select * from {{ ref('int_position_restarts') }}

),

positions as (

    select distinct
        exchange,
        symbol,
        strategy_id,
        price_exchange
    from {{ ref('int_position_fills') }}

),

prices as (

    select * from {{ ref('int_mark_prices') }}

),

steps as (

    select * from {{ ref('int_bar_steps') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

manual_snapshots as (

    select * from {{ manual_snapshots() }}

),

-- Times at which everything is to be valued besides.
valued_times as (

    select
        event_time as restart_at,
        batch_id
    from cash_events
    where is_flow

    union all

    select
        snapshot_time as restart_at,
        batch_id
    from manual_snapshots

),

final as (

    select
        exchange,
        symbol,
        strategy_id,
        restart_at,
        batch_id,
        'events' as cause
    from position_restarts

    union all

    select
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        prices.known_at as restart_at,
        prices.built_batch_id as batch_id,
        'bars' as cause
    from prices
    inner join positions
        on
            prices.price_exchange = positions.price_exchange
            and prices.symbol = positions.symbol

    union all

    -- A bar whose last trade was busted is no row any more; its step still is.
    select
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        steps.minute + interval 1 minute as restart_at,
        steps.built_batch_id as batch_id,
        'bars' as cause
    from steps
    inner join positions
        on
            steps.exchange = positions.price_exchange
            and steps.symbol = positions.symbol

    union all

    select
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        valued_times.restart_at,
        valued_times.batch_id,
        'events' as cause
    from positions
    cross join valued_times

)

select * from final
