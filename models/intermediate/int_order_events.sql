{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['exchange', 'event_id'],
        post_hook="{{ remember_build() }}"
    )
}}

with

events as not materialized (

    select * from {{ landed('orders') }}

),

fresh as (

    select * from events
    where batch_id > {{ seen_batch() }}

),

several_versions as (

    select
        events.exchange,
        events.event_id
    from events
    {% if is_incremental() %}
        -- A semi join would build its hash table of all events.
        inner join (select distinct fresh.exchange, fresh.event_id from fresh) as fresh_keys
            on
                events.exchange = fresh_keys.exchange
                and events.event_id = fresh_keys.event_id
    {% endif %}
    group by events.exchange, events.event_id
    having count(*) > 1

),

single_events as (

    select fresh.*
    from fresh
    anti join several_versions
        on
            fresh.exchange = several_versions.exchange
            and fresh.event_id = several_versions.event_id

),

-- Of several versions the one that counts.
chosen_versions as (

    select events.*
    from events
    semi join several_versions
        on
            events.exchange = several_versions.exchange
            and events.event_id = several_versions.event_id
    qualify
        row_number() over (
            partition by events.exchange, events.event_id
            order by events.source_rank, events.content_hash, events.batch_id, events.row_number
        ) = 1

),

final as (

    select * from single_events
    union all
    select * from chosen_versions

)

select * from final
