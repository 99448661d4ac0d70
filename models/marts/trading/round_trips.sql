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

lineages as (

    select * from {{ ref('int_trip_lineages') }}

),

-- What came under a former symbol is of the trip that it was to be.
shares_of_trips as (

    select
        {{ columns_of(trip) }},
        part,
        amount_in_quote
    from shares
    union all
    select
        {{ columns_of(trip, 'lineages') }},
        shares.part,
        shares.amount_in_quote
    from shares
    inner join lineages
        on
            {{ same_key('shares', 'lineages', trip[:2] + trip[3:5]) }}
            and shares.symbol = lineages.former_symbol
            and shares.trip_number = lineages.former_trip_number

),

cash as (

    select
        {{ columns_of(trip) }},
        {{ paid_as('carry') }} as carry,
        {{ paid_as('commission') }} as commission,
        {{ paid_as('fees') }} as fees
    from shares_of_trips
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
