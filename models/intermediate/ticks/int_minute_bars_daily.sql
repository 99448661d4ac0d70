-- depends_on: {{ ref('int_minutes_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'kind', 'scope', 'minute'],
    meta={
        'region': {
            'pending': 'int_minutes_to_restate', 'by': ['exchange', 'symbol', 'kind', 'minute']
        },
        'time': 'minute',
        'followed': true
    }
) }}

-- Minutes as days count them, where that is not as minutes do: by daily rules that differ, or, of a
-- day of regular hours, the prints of an auction outside of them. Nearly no minute has such a row.
with

special_minutes as (

    select minute_bars.*
    from {{ ref('int_minute_bars') }} as minute_bars
    {% if is_incremental() %}
        semi join {{ ref('int_minutes_to_restate') }} as pending
            on
                minute_bars.exchange = pending.exchange
                and minute_bars.symbol = pending.symbol
                and minute_bars.kind = pending.kind
                and minute_bars.minute = pending.minute
    {% endif %}
    where minute_bars.differs_daily or minute_bars.has_auction

),

ticks as (

    select
        ticks.*,
        special_minutes.minute,
        special_minutes.differs_daily as is_daily
    from {{ ref('int_bar_ticks') }} as ticks
    inner join special_minutes on {{ in_minute('ticks', 'special_minutes') }}
    where {{ on_day_of('ticks', 'special_minutes') }}

),

scoped as (

    select
        *,
        'daily' as scope
    from ticks
    where is_daily
    union all
    select
        *,
        'auction' as scope
    from ticks
    where is_auction

),

summed as (

    select
        exchange,
        symbol,
        kind,
        scope,
        minute,
        {{ step_sums('sets_daily_high_low', 'sets_daily_volume') }},
        {{ exact_first_last('sets_daily_last', 'sets_daily_volume') }}
    from scoped
    group by
        exchange,
        symbol,
        kind,
        scope,
        minute

),

final as (

    select
        exchange,
        symbol,
        kind,
        scope,
        minute,
        open,
        close,
        high,
        low,
        volume,
        trade_count,
        {{ notional_parts() }},
        {{ run_number() }} as built_run
    from summed

)

select * from final
