-- Minutes as days count them, where that is not as minutes do: by daily rules that differ, or, of a
-- day of regular hours, the prints of an auction outside of them. Nearly no minute has such a row.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    meta={'day_of': 'minute'},
    pre_hook="{{ forget_rebuilt_steps() }}",
    post_hook="{{ remember_build() }}"
) }}
{% set special_minutes %}
    select
        exchange,
        symbol,
        kind,
        minute,
        minute as timestamp,
        differs_daily
    from {{ ref('int_minute_bars') }}
    where
        (differs_daily or has_auction)
        and built_batch_id > {{ seen_batch() }}
{% endset %}

with

special_minutes as (

    {{ special_minutes }}

),

ticks as (

    select
        bar_ticks.*,
        special_minutes.minute,
        special_minutes.differs_daily as is_daily
    from {{ ref('int_bar_ticks') }} as bar_ticks
    inner join special_minutes
        on
            bar_ticks.exchange = special_minutes.exchange
            and bar_ticks.symbol = special_minutes.symbol
            and bar_ticks.kind = special_minutes.kind
            and {{ minute_of('bar_ticks.timestamp') }} = special_minutes.minute
    {% if is_incremental() %}
        where {{ in_touched_hours('bar_ticks.timestamp', special_minutes, date='bar_ticks.date') }}
    {% endif %}

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
        {{ landed_batch() }} as built_batch_id
    from summed

)

select * from final
