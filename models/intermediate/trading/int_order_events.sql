-- depends_on: {{ ref('int_orders_to_restate') }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{{ config(
    materialized='incremental',
    unique_key=['account_id', 'exchange', 'symbol', 'event_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['account_id', 'exchange', 'symbol', 'order_id'],
            'from': 'event_time'
        },
        'time': 'event_time'
    }
) }}
{% set event = ['account_id', 'exchange', 'symbol', 'event_id'] %}

with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

{% if is_incremental() %}

    pending_ids as (

        select distinct
            events.account_id,
            events.exchange,
            events.symbol,
            events.event_id
        from events
        semi join {{ ref('int_orders_to_restate') }} as pending
            on {{ same_key('events', 'pending', order) }}

    ),

    -- All versions: another one may name another order. (A semi join would build its hash table of
    -- all events.)
    versions as (

        select events.*
        from events
        inner join pending_ids on {{ same_key('events', 'pending_ids', event) }}

    ),

{% else %}

    versions as {{ not_materialized() }} (

        select * from events

    ),

{% endif %}

-- Hardly any: only these are sorted.
repeated_ids as (

    select
        account_id,
        exchange,
        symbol,
        event_id
    from versions
    group by account_id, exchange, symbol, event_id
    having count(*) > 1

),

-- Of several versions the one that counts; its copies may have told it before, or its correlation.
chosen_versions as (

    select
        versions.* replace ( -- noqa: RF02
            min(versions.ingestion_time) over copies as ingestion_time,
            min(versions.correlation_id) over copies as correlation_id
        )
    from versions
    semi join repeated_ids on {{ same_key('versions', 'repeated_ids', event) }}
    window copies as (partition by {{ columns_of(event + ['content_hash'], 'versions') }})
    qualify
        row_number() over (
            partition by
                versions.account_id, versions.exchange, versions.symbol, versions.event_id
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
    anti join repeated_ids on {{ same_key('versions', 'repeated_ids', event) }}
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
            and {{ same_key('chosen', 'same_fills', order) }}
            and chosen.fill_id = same_fills.fill_id
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on {{ same_key('chosen', 'pending', order) }}
    {% endif %}

)

select * from final
