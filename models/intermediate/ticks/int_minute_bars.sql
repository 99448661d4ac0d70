-- depends_on: {{ ref('int_minutes_to_restate') }} {{ ref('int_reference_changes') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'kind', 'minute'],
    meta={
        'region': {
            'pending': 'int_minutes_to_restate', 'by': ['exchange', 'symbol', 'kind', 'minute']
        },
        'time': 'minute',
        'followed': true,
        'reference_is_fixed': true
    }
) }}

-- What all bars are made of: each tick is read once, here. Most minutes are done by a packed order
-- of their ticks; where it is not sure, and where sums are large, by the exact one.
with

bar_ticks as {{ not_materialized() }} (

    select
        ticks.*,
        {{ minute_number('ticks.timestamp') }} as minute_number,
        {{ packed_order() }} as packed_order
    from {{ ref('int_bar_ticks') }} as ticks
    {% if is_incremental() %}
        semi join {{ ref('int_minutes_to_restate') }} as pending on {{ in_minute('ticks', 'pending') }}
        where {{ on_day_of('ticks', ref('int_minutes_to_restate')) }}
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
        max(case when {{ is_on_clock('bar_ticks') }} then timestamp end) as newest_at,
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

exact as (

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
        case when quick.needs_care then exact.open else quick.open end as open,
        case when quick.needs_care then exact.close else quick.close end as close,
        coalesce(exact.large_notional_whole, 0) as large_notional_whole,
        coalesce(exact.large_notional_fraction, 0) as large_notional_fraction
    from quick
    left join exact
        on
            quick.exchange = exact.exchange
            and quick.symbol = exact.symbol
            and quick.kind = exact.kind
            and quick.minute_number = exact.minute_number

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
        {{ run_number() }} as built_run
    from joined
    -- so that a build which reads some hours of steps skips the others
    order by minute

)

select * from final
