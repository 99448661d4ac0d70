{% set is_flow = "kind in ('deposit', 'withdrawal', 'transfer')" %}

with

events as (

    select * from {{ source('raw', 'cash_events') }}

),

-- Two exchanges may give one id; a version that names no exchange is of the one that others name.
with_owner as (

    select
        *,
        coalesce(
            exchange, min(exchange) over (partition by account_id, event_id), ''
        ) as owner
    from events

),

final as (

    select
        batch_id,
        account_id,
        event_id,
        event_time,
        kind,
        amount,
        currency,
        exchange,
        symbol,
        strategy_id,
        -- What was held just before it says whose it is; nothing is paid before it accrued.
        least(coalesce(accrual_time, event_time), event_time) as accrued_at,
        source,
        ingestion_time,
        case
            when {{ is_flow }} then 'flow'
            when kind = 'commission_adjustment' then 'commission'
            when symbol is null then 'other_cash'
            when kind = 'fee' then 'fees'
            when kind in ('funding', 'dividend', 'borrow_fee', 'tax') then 'carry'
            else 'other_cash'
        end as part,
        -- Of all versions of the id: from when on, and in which batch, one may have changed
        -- something.
        min(event_time) over versions as changed_from,
        max(batch_id) over versions as changed_in_batch,
        list({ 'exchange': exchange, 'symbol': symbol }) over versions as told_of,
        bool_or({{ is_flow }}) over versions as was_flow
    from with_owner
    window versions as (partition by account_id, event_id)
    qualify
        row_number() over (
            partition by account_id, owner, event_id
            -- A feed may have learnt to tell the instrument.
            order by
                {{ source_rank('source') }},
                symbol is null,
                content_hash,
                source,
                batch_id,
                row_number
        ) = 1

)

select * from final
