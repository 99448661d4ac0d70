-- Round trips that went on under a new symbol, with each trip that they were before, under former
-- ones.
{% set trip = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side', 'trip_number'] %}
with recursive

states as (

    select * from {{ ref('int_position_states') }}
    where action in ('symbol_out', 'symbol_in')

),

links as (

    select
        {{ columns_of(trip, 'came') }},
        went.symbol as former_symbol,
        went.trip_number as former_trip_number
    from states as came
    inner join states as went
        on
            {{ same_key('came', 'went', trip[:2] + trip[3:5] + ['event_at']) }}
            and came.action_symbol = went.symbol
            and came.symbol = went.action_symbol
    where came.action = 'symbol_in' and went.action = 'symbol_out'

),

reached as (

    select * from links
    union
    select
        {{ columns_of(trip, 'reached') }},
        links.former_symbol,
        links.former_trip_number
    from reached
    inner join links
        on
            {{ same_key('reached', 'links', trip[:2] + trip[3:5]) }}
            and reached.former_symbol = links.symbol
            and reached.former_trip_number = links.trip_number

),

final as (

    select * from reached

)

select * from final
