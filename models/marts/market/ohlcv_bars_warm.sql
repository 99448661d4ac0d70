-- depends_on: {{ ref('int_bars_to_restate') }} {{ ref('int_reference_changes') }}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'timeframe', 'timestamp'],
    meta={
        'region': {
            'pending': 'int_bars_to_restate',
            'by': ['exchange', 'symbol', 'timeframe', 'timestamp']
        },
        'time': 'timestamp',
        'cold': {'relation': 'ohlcv_bars', 'id': 'bar_id'},
        'followed': true,
        'revised': true,
        'reference_is_fixed': true
    }
) }}

-- All timeframes from the minutes that each bar is made of.
with

constituents as {{ not_materialized() }} (

    select constituents.*
    from {{ ref('int_bar_constituents') }} as constituents
    {% if is_incremental() %}
        semi join {{ ref('int_bars_to_restate') }} as pending
            on
                constituents.exchange = pending.exchange
                and constituents.symbol = pending.symbol
                and constituents.timeframe = pending.timeframe
                and constituents.timestamp = pending.timestamp
                -- so that row groups of other days are skipped
                and constituents.minute >= pending.timestamp
                and constituents.minute < pending.timestamp + interval 25 hours
    {% endif %}

),

-- A minute is a whole bar of one minute, so most bars need no sum.
single_minutes as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        timestamp + length as ends_at,
        trading_date,
        open,
        coalesce(close, open) as close,
        high,
        low,
        volume,
        trade_count::integer as trade_count,
        notional_whole,
        notional_fraction
    from constituents
    where
        minutes = 1
        and open is not null

),

summed_minutes as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        any_value(timestamp + length) as ends_at,
        any_value(trading_date) as trading_date,
        {{ first_known('open', 'minute') }} as open,
        coalesce({{ last_known('close', 'minute') }}, {{ first_known('open', 'minute') }}) as close,
        max(high) as high,
        min(low) as low,
        sum(volume) as volume,
        sum(trade_count)::integer as trade_count,
        sum(notional_whole) as notional_whole,
        sum(notional_fraction) as notional_fraction
    from constituents
    where minutes > 1
    group by
        exchange,
        symbol,
        timeframe,
        timestamp
    having max(open) is not null

),

summed as (

    select * from single_minutes
    union all
    select * from summed_minutes

),

guessed as (

    select
        *,
        {{ vwap_guess('notional_whole', 'notional_fraction', 'volume') }} as vwap_guess
    from summed

),

final as (

    select
        {{ bar_id('guessed') }} as bar_id,
        exchange,
        symbol,
        timeframe,
        timestamp,
        open,
        greatest(high, open, close) as high,
        least(low, open, close) as low,
        close,
        volume::decimal(38, 8) as volume,
        {{ vwap('notional_whole', 'notional_fraction', 'volume', 'vwap_guess') }} as vwap,
        trade_count,
        trading_date,
        ends_at,
        {{ landed_batch() }} as built_batch_id,
        {{ build_time() }} as built_at,
        {{ run_number() }} as built_run
    from guessed
    order by
        timeframe,
        timestamp

)

select * from final
