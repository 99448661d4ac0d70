{% set fill = ['account_id', 'exchange', 'symbol', 'order_id', 'fill_id'] %}

-- From when on money or assets came or went otherwise since all of the chain was built: each flow
-- is a time at which everything is valued.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

changed_fills as (

    select * from {{ ref('int_changed_fills') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

final as (

    select changed_from as restart_at
    from cash_events
    where
        was_flow
        and changed_in_batch > (select built.batch_id from built)
    union all
    select events.event_time as restart_at
    from changed_fills
    inner join events on {{ same_key('changed_fills', 'events', fill) }}
    where events.transfer is not null

)

select * from final
