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

same_fills as (

    select * from {{ ref('int_same_fills') }}

),

final as (

    select
        chosen.* exclude (cumulative_quantity) -- noqa: RF02
        replace (coalesce(same_fills.same_fill_id, chosen.fill_id) as fill_id)
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
