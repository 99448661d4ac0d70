-- The step all bars are made of: each tick is read once, here, and only the minutes that ticks,
-- corrections and conflicts landed since the last build touch are read again. Most minutes are done
-- by a quick order of their ticks; where it is not sure, and where sums are large, with care.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['exchange', 'symbol', 'kind', 'minute'],
    on_schema_change='fail',
    meta={'day_of': 'minute'},
    pre_hook="{{ check_bar_inputs() }}",
    post_hook=["{{ remember_build() }}", "{{ remember_bar_inputs() }}"]
) }}
{% set touched_ticks %}
    select
        exchange,
        symbol,
        kind,
        timestamp
    from {{ landed('new_ticks') }}
    where batch_id > {{ seen_batch() }}
    union all
    select
        exchange,
        symbol,
        kind,
        timestamp
    from {{ ref('int_tick_amendments') }}
    where built_batch_id > {{ seen_batch() }}
{% endset %}

with

bar_ticks as {{ not_materialized() }} (

    select
        *,
        {{ minute_number('timestamp') }} as minute_number,
        {{ packed_order() }} as packed_order
    from {{ ref('int_bar_ticks') }}
    {% if is_incremental() %}
        where
            {{ in_touched_hours('timestamp', touched_ticks, date='date') }}
            {% if restates_rows() %}
            and (exchange, symbol, kind, {{ minute_number('timestamp') }}) in (
                select
                    touched.exchange,
                    touched.symbol,
                    touched.kind,
                    {{ minute_number('touched.timestamp') }}
                from ({{ touched_ticks }}) as touched
            )
            {% endif %}
    {% endif %}

),

quick as (

    select
        exchange,
        symbol,
        kind,
        minute_number,
        min_by(price, case when sets_last > 0 then packed_order end) as open,
        max_by(price, case when sets_last = 2 then packed_order end) as close,
        {{ step_sums('sets_high_low', 'sets_volume') }},
        max(case when timestamp <= ingestion_time + interval 5 seconds then timestamp end)
            as newest_at,
        bool_or(differs_daily) as differs_daily,
        bool_or(is_auction) as has_auction,
        max(size) >= 1000000 or {{ is_order_unsure('sets_last') }} as needs_care
    from bar_ticks
    group by
        exchange,
        symbol,
        kind,
        minute_number

),

careful as (

    select
        exchange,
        symbol,
        kind,
        minute_number,
        {{ exact_first_last('sets_last', 'sets_volume') }}
    from bar_ticks
    where
        (exchange, symbol, kind, minute_number) in (
            select
                quick.exchange,
                quick.symbol,
                quick.kind,
                quick.minute_number
            from quick
            where quick.needs_care
        )
    group by
        exchange,
        symbol,
        kind,
        minute_number

),

joined as (

    select
        {{ exclude_columns(['open', 'close'], 'quick') }},
        case when quick.needs_care then careful.open else quick.open end as open,
        case when quick.needs_care then careful.close else quick.close end as close,
        coalesce(careful.large_notional_whole, 0) as large_notional_whole,
        coalesce(careful.large_notional_fraction, 0) as large_notional_fraction
    from quick
    left join careful
        on
            quick.exchange = careful.exchange
            and quick.symbol = careful.symbol
            and quick.kind = careful.kind
            and quick.minute_number = careful.minute_number

),

final as (

    select
        exchange,
        symbol,
        kind,
        {{ minute_at('minute_number') }} as minute,
        open,
        close,
        high,
        low,
        volume,
        trade_count,
        {{ notional_parts() }},
        newest_at,
        differs_daily,
        has_auction,
        {{ landed_batch() }} as built_batch_id
    from joined
    -- so that a build which reads some hours of steps skips the others
    order by minute

)

select * from final
