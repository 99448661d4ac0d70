{{ config(materialized='view') }}
{% set trip = [
    'account_id', 'exchange', 'symbol', 'strategy_id', 'position_side', 'trip_number'
] %}

-- A trip has the carry that accrued while it was open, and what came after it until the next one.
with

trips as (

    select * from {{ ref('int_round_trips') }}

),

shares as (

    select * from {{ ref('int_cash_shares') }}
    where amount_in_quote is not null

),

cash as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        trip_number,
        {{ paid_as('carry') }} as carry,
        {{ paid_as('commission') }} as commission,
        {{ paid_as('fees') }} as fees
    from shares
    group by {{ columns_of(trip) }}

),

with_cash as (

    select
        trips.* replace (
            {{ rounded('trips.commission + coalesce(cash.commission, 0)', 8) }} as commission,
            {{ rounded('trips.fees + coalesce(cash.fees, 0)', 8) }} as fees
        ),
        {{ rounded('coalesce(cash.carry, 0)', 8) }} as carry
    from trips
    left join cash on {{ same_key('trips', 'cash', trip) }}

),

final as (

    select
        *,
        realized_pnl - commission - fees + carry as net_pnl
    from with_cash

)

select * from final
