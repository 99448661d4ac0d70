-- depends_on: {{ ref('int_orders_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['account_id', 'exchange', 'symbol', 'order_id', 'fill_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['account_id', 'exchange', 'symbol', 'order_id'],
            'from': 'executed_at'
        },
        'time': 'executed_at'
    }
) }}

{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{% set fill = order + ['fill_id'] %}

with

events as (

    select events.*
    from {{ ref('int_order_events') }} as events
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                {{ same_key('events', 'pending', order) }}
                and events.event_time >= pending.restart_at
    {% endif %}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

-- A fill that does not say its strategy or its correlation has that of its order.
orders as (

    select * from {{ ref('int_order_terms') }}

),

fill_versions as (

    select * from events
    where is_fill and fill_quantity > 0 and (fill_price is not null or transfer is not null)

),

-- Hardly any: only these are sorted.
repeated_fills as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id
    from fill_versions
    group by account_id, exchange, symbol, order_id, fill_id
    having count(*) > 1

),

counted_fills as (

    select fill_versions.*
    from fill_versions
    anti join repeated_fills on {{ same_key('fill_versions', 'repeated_fills', fill) }}

    union all

    select fill_versions.*
    from fill_versions
    semi join repeated_fills on {{ same_key('fill_versions', 'repeated_fills', fill) }}
    qualify
        row_number() over (
            partition by
                fill_versions.account_id,
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

corrected as (

    select * from {{ ref('int_fill_corrections') }}

),

final as (

    select
        fills.account_id,
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
            {{ uuid_v5('fills', "concat('correlation/', fills.order_id)") }}
        ) as correlation_id,
        coalesce(corrected.fill_quantity, fills.fill_quantity) as quantity,
        coalesce(corrected.fill_price, fills.fill_price) as price,
        coalesce(corrected.commission, fills.commission, 0) as commission,
        coalesce(
            corrected.commission_currency,
            fills.commission_currency,
            instruments.settle_currency,
            '{{ var("base_currency") }}'
        ) as commission_currency,
        coalesce(corrected.fees, fills.fees, 0) as fees,
        coalesce(corrected.is_busted, false) as is_busted,
        corrected.corrected_at,
        fills.transfer,
        fills.transfer_cost,
        fills.original_time,
        fills.position_side
    from counted_fills as fills
    left join orders on {{ same_key('fills', 'orders', order) }}
    left join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol
    left join corrected on {{ same_key('fills', 'corrected', fill) }}

)

select * from final
order by executed_at
