{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['exchange', 'event_id'],
        post_hook="{{ remember_build() }}"
    )
}}

with

events as (

    select * from {{ landed('orders') }}

),

versions as (

    select * from events
    {% if is_incremental() %}
        where (exchange, event_id) in (
            select (newer.exchange, newer.event_id)
            from events as newer
            where newer.batch_id > {{ seen_batch() }}
        )
    {% endif %}

),

final as (

    select *
    from versions
    qualify
        row_number() over (
            partition by exchange, event_id
            order by source_rank, content_hash, batch_id, row_number
        ) = 1

)

select * from final
