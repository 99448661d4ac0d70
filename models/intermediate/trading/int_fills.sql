-- depends_on: {{ ref('int_orders_to_restate') }}
{% set in_order = 'event_time, sequence_number nulls last, content_hash' %}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'order_id', 'fill_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['exchange', 'symbol', 'order_id'],
            'from': 'executed_at'
        },
        'time': 'executed_at'
    }
) }}

with

order_events as {{ not_materialized() }} (

    select * from {{ ref('int_order_events') }}

),

touched_events as (

    select order_events.*
    from order_events
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                order_events.exchange = pending.exchange
                and order_events.symbol = pending.symbol
                and order_events.order_id = pending.order_id
                and order_events.event_time >= pending.restart_at
    {% endif %}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

-- A fill that does not say its strategy or its correlation has that of its order.
orders as (

    select
        exchange,
        symbol,
        order_id,
        first(strategy_id order by {{ in_order }}) filter (where strategy_id is not null)
            as strategy_id,
        first(correlation_id order by {{ in_order }}) filter (where correlation_id is not null)
            as correlation_id
    from touched_events
    group by exchange, symbol, order_id

),

fill_versions as (

    select * from touched_events
    where is_fill and fill_quantity > 0 and fill_price is not null

),

repeated_fills as (

    select
        exchange,
        symbol,
        order_id,
        fill_id
    from fill_versions
    group by exchange, symbol, order_id, fill_id
    having count(*) > 1

),

counted_fills as (

    select fill_versions.*
    from fill_versions
    anti join repeated_fills
        on
            fill_versions.exchange = repeated_fills.exchange
            and fill_versions.symbol = repeated_fills.symbol
            and fill_versions.order_id = repeated_fills.order_id
            and fill_versions.fill_id = repeated_fills.fill_id

    union all

    select fill_versions.*
    from fill_versions
    semi join repeated_fills
        on
            fill_versions.exchange = repeated_fills.exchange
            and fill_versions.symbol = repeated_fills.symbol
            and fill_versions.order_id = repeated_fills.order_id
            and fill_versions.fill_id = repeated_fills.fill_id
    qualify
        row_number() over (
            partition by
                fill_versions.exchange,
                fill_versions.symbol,
                fill_versions.order_id,
                fill_versions.fill_id
            order by
                fill_versions.source_rank,
                fill_versions.content_hash,
                fill_versions.batch_id,
                fill_versions.row_number
        ) = 1

),

corrections as (

    select * from order_events
    where event_type in ('trade_bust', 'trade_correct')

),

-- A correction may name any version's trade id.
named_corrections as (

    select distinct
        fill_versions.exchange,
        fill_versions.symbol,
        fill_versions.order_id,
        fill_versions.fill_id,
        corrections.event_id
    from corrections
    inner join fill_versions
        on
            corrections.exchange = fill_versions.exchange
            and corrections.symbol = fill_versions.symbol
            and corrections.trade_id = fill_versions.trade_id

),

corrected_values as (

    select
        named_corrections.exchange,
        named_corrections.symbol,
        named_corrections.order_id,
        named_corrections.fill_id,
        bool_or(corrections.event_type = 'trade_bust') as is_busted,
        {% for column in [
            'fill_quantity', 'fill_price', 'commission', 'commission_currency', 'fees'
        ] %}
            last(
                corrections.{{ column }}
                order by
                    corrections.event_time,
                    corrections.sequence_number nulls last,
                    corrections.content_hash
            ) filter (where corrections.{{ column }} is not null) as {{ column }},
        {% endfor %}
        max(corrections.event_time) as corrected_at
    from named_corrections
    inner join corrections
        on
            named_corrections.exchange = corrections.exchange
            and named_corrections.event_id = corrections.event_id
    group by
        named_corrections.exchange,
        named_corrections.symbol,
        named_corrections.order_id,
        named_corrections.fill_id

),

final as (

    select
        fills.exchange,
        fills.symbol,
        fills.order_id,
        fills.fill_id,
        fills.event_id,
        fills.trade_id,
        fills.exchange_trade_id,
        fills.side,
        fills.event_time as executed_at,
        fills.ingestion_time as reported_at,
        fills.sequence_number,
        try_cast(fills.trade_id as hugeint) as trade_number,
        fills.content_hash,
        coalesce(fills.strategy_id, orders.strategy_id, 'unassigned') as strategy_id,
        coalesce(
            fills.correlation_id,
            orders.correlation_id,
            {{ uuid_v5(
                'fills.exchange', 'fills.symbol', "concat('correlation/', fills.order_id)"
            ) }}
        ) as correlation_id,
        coalesce(corrected.fill_quantity, fills.fill_quantity) as quantity,
        coalesce(corrected.fill_price, fills.fill_price) as price,
        coalesce(corrected.commission, fills.commission, 0) as commission,
        coalesce(
            corrected.commission_currency,
            fills.commission_currency,
            instruments.quote_currency,
            '{{ var("base_currency") }}'
        ) as commission_currency,
        coalesce(corrected.fees, fills.fees, 0) as fees,
        coalesce(corrected.is_busted, false) as is_busted,
        corrected.corrected_at
    from counted_fills as fills
    left join orders
        on
            fills.exchange = orders.exchange
            and fills.symbol = orders.symbol
            and fills.order_id = orders.order_id
    left join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol
    left join corrected_values as corrected
        on
            fills.exchange = corrected.exchange
            and fills.symbol = corrected.symbol
            and fills.order_id = corrected.order_id
            and fills.fill_id = corrected.fill_id

)

select * from final
order by executed_at
