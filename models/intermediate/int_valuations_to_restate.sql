-- depends_on: {{ ref('int_minute_bars') }}
{{
    config(
        materialized='table',
        post_hook=["{{ remember_batch_of(['int_positions_to_restate']) }}", "{{ remember_bars() }}"]
    )
}}
{% set models = valuation_models() %}
{% set seen = seen_by_all(models) %}
{% set seen_bars = seen_by_all(models, 'bars') %}

-- From when on a batch that not all models have seen may have changed what a position or the
-- portfolio was worth, or what a commission in another currency cost.
with

position_restarts as (

    select * from {{ ref('int_positions_to_restate') }}

),

states as not materialized (

    select * from {{ ref('int_position_states') }}

),

traded_instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

pairs as (

    select * from {{ ref('int_currency_pairs') }}

),

bars as (

    select * from {{ ref('ohlcv_bars_warm') }}
    where timeframe = '1m' and built_batch_id > {{ seen_bars }}

),

steps as (

    select * from {{ ref('int_minute_bars') }}
    where built_batch_id > {{ seen_bars }}

),

prices as not materialized (

    select * from {{ ref('int_mark_prices') }}

),

all_cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

cash_events as (

    select * from all_cash_events
    where changed_in_batch > {{ seen }}

),

changed_inputs as (

    select * from {{ ref('int_trading_inputs') }}
    where changed_in_batch > {{ seen }}

),

manual_snapshots as (

    select * from {{ manual_snapshots() }}
    where batch_id > {{ seen }}

),

-- A bar whose last trade was busted is no row any more; its step still is.
changed_minutes as (

    select
        exchange,
        symbol,
        timestamp as minute,
        built_batch_id
    from bars
    union all
    select
        exchange,
        symbol,
        minute,
        built_batch_id
    from steps

),

changed_prices as (

    select
        exchange as price_exchange,
        symbol,
        built_batch_id as batch_id,
        min(minute) + interval 1 minute as restart_at
    from changed_minutes
    group by exchange, symbol, built_batch_id

),

changed_rates as (

    select
        'bars' as cause,
        changed_prices.batch_id,
        min(changed_prices.restart_at) as restart_at
    from changed_prices
    semi join pairs
        on
            changed_prices.price_exchange = pairs.price_exchange
            and changed_prices.symbol = pairs.symbol
    group by changed_prices.batch_id

    union all

    -- A pair that was listed, or is none any more, counts from its first price on.
    select
        'events' as cause,
        changed_inputs.changed_in_batch as batch_id,
        min(prices.known_at) as restart_at
    from changed_inputs
    inner join prices
        on
            changed_inputs.exchange = prices.price_exchange
            and changed_inputs.symbol = prices.symbol
    where changed_inputs.kind = 'pair'
    group by changed_inputs.changed_in_batch

),

-- Times at which everything is to be valued besides.
valued_times as (

    select
        changed_from as restart_at,
        changed_in_batch as batch_id
    from cash_events
    where was_flow
    union all
    select
        snapshot_time as restart_at,
        batch_id
    from manual_snapshots

),

positions as (

    select distinct
        exchange,
        symbol,
        strategy_id
    from states

),

final as (

    select
        'position' as scope,
        'events' as cause,
        exchange,
        symbol,
        strategy_id,
        restart_at,
        batch_id
    from position_restarts

    union all

    select
        'position' as scope,
        'events' as cause,
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        valued_times.restart_at,
        valued_times.batch_id
    from positions
    cross join valued_times

    union all

    select
        'position' as scope,
        'bars' as cause,
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        changed_prices.restart_at,
        changed_prices.batch_id
    from changed_prices
    inner join traded_instruments
        on
            changed_prices.price_exchange = traded_instruments.price_exchange
            and changed_prices.symbol = traded_instruments.symbol
    inner join positions
        on
            traded_instruments.exchange = positions.exchange
            and traded_instruments.symbol = positions.symbol

    union all

    select distinct
        'commission' as scope,
        changed_rates.cause,
        states.exchange,
        states.symbol,
        states.strategy_id,
        changed_rates.restart_at,
        changed_rates.batch_id
    from changed_rates
    inner join states on changed_rates.restart_at <= states.event_at
    where not states.is_base_commission and not states.is_quote_commission

    union all

    select
        'portfolio' as scope,
        cause,
        null as exchange,
        null as symbol,
        null as strategy_id,
        restart_at,
        batch_id
    from changed_rates

    union all

    select
        'portfolio' as scope,
        'events' as cause,
        null as exchange,
        null as symbol,
        null as strategy_id,
        changed_from as restart_at,
        changed_in_batch as batch_id
    from cash_events

    union all

    select
        'portfolio' as scope,
        'events' as cause,
        null as exchange,
        null as symbol,
        null as strategy_id,
        all_cash_events.changed_from as restart_at,
        changed_inputs.changed_in_batch as batch_id
    from all_cash_events
    cross join changed_inputs
    where changed_inputs.kind = 'settings'

)

select * from final
