-- depends_on: {{ ref('int_orders_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'event_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['exchange', 'symbol', 'order_id'],
            'from': 'event_time'
        },
        'time': 'event_time'
    }
) }}

with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

{% if is_incremental() %}

    pending_ids as (

        select distinct
            events.exchange,
            events.event_id
        from events
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                events.exchange = pending.exchange
                and events.symbol = pending.symbol
                and events.order_id = pending.order_id

    ),

    -- All versions: another one may name another order. (A semi join would build its hash table of
    -- all events.)
    versions as (

        select events.*
        from events
        inner join pending_ids
            on
                events.exchange = pending_ids.exchange
                and events.event_id = pending_ids.event_id

    ),

{% else %}

    versions as {{ not_materialized() }} (

        select * from events

    ),

{% endif %}

repeated_ids as (

    select
        exchange,
        event_id
    from versions
    group by exchange, event_id
    having count(*) > 1

),

-- Of several versions the one that counts.
chosen_versions as (

    select versions.*
    from versions
    semi join repeated_ids
        on
            versions.exchange = repeated_ids.exchange
            and versions.event_id = repeated_ids.event_id
    qualify
        row_number() over (
            partition by versions.exchange, versions.event_id
            order by
                versions.source_rank,
                versions.content_hash,
                versions.batch_id,
                versions.row_number
        ) = 1

),

chosen as (

    select versions.*
    from versions
    anti join repeated_ids
        on
            versions.exchange = repeated_ids.exchange
            and versions.event_id = repeated_ids.event_id
    union all
    select * from chosen_versions

),

-- Fills that say how much of their order was filled then; after a bust two may say the same.
told_fills as (

    select
        exchange,
        symbol,
        order_id,
        cumulative_quantity,
        fill_id,
        bool_or(exchange_trade_id is not null) as has_exchange_id,
        min(event_time) as first_told_at
    from chosen
    where is_fill and cumulative_quantity is not null
    group by exchange, symbol, order_id, cumulative_quantity, fill_id

),

numbered_fills as (

    select
        *,
        row_number() over (
            partition by exchange, symbol, order_id, cumulative_quantity, has_exchange_id
            order by first_told_at, fill_id
        ) as fill_number
    from told_fills

),

-- One without the exchange's id is the one with it that says the same of its order.
same_fills as (

    select
        nameless.exchange,
        nameless.symbol,
        nameless.order_id,
        nameless.fill_id,
        named.fill_id as same_fill_id
    from numbered_fills as nameless
    inner join numbered_fills as named
        on
            nameless.exchange = named.exchange
            and nameless.symbol = named.symbol
            and nameless.order_id = named.order_id
            and nameless.cumulative_quantity = named.cumulative_quantity
            and nameless.fill_number = named.fill_number
    where not nameless.has_exchange_id and named.has_exchange_id

),

final as (

    select
        chosen.* exclude (cumulative_quantity)
        replace (coalesce(same_fills.same_fill_id, chosen.fill_id) as fill_id) -- noqa: RF02
    from chosen
    left join same_fills
        on
            chosen.is_fill
            and chosen.exchange = same_fills.exchange
            and chosen.symbol = same_fills.symbol
            and chosen.order_id = same_fills.order_id
            and chosen.fill_id = same_fills.fill_id
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                chosen.exchange = pending.exchange
                and chosen.symbol = pending.symbol
                and chosen.order_id = pending.order_id
    {% endif %}

)

select * from final
