-- Cash events as the portfolio counts them: carry and fees of what was never held are other cash.
with

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

shares as (

    select distinct
        account_id,
        exchange,
        event_id
    from {{ ref('int_cash_shares') }}

),

final as (

    select
        cash_events.* replace (
            case
                when cash_events.part in ('carry', 'fees') and shares.event_id is null
                    then 'other_cash'
                else cash_events.part
            end as part
        )
    from cash_events
    left join shares
        on {{ same_key('cash_events', 'shares', ['account_id', 'exchange', 'event_id']) }}

)

select * from final
