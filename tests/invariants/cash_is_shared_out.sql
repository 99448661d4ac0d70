-- What belongs to positions of an event of cash is all of it.
with

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

shares as (

    select
        account_id,
        exchange,
        event_id,
        sum(amount) as amount
    from {{ ref('int_cash_shares') }}
    group by account_id, exchange, event_id

)

select
    cash_events.account_id,
    cash_events.event_id,
    cash_events.amount,
    shares.amount as shared
from shares
left join cash_events
    on
        shares.account_id = cash_events.account_id
        and shares.exchange = cash_events.exchange
        and shares.event_id = cash_events.event_id
where shares.amount is distinct from cash_events.amount
