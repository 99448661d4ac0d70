-- depends_on: {{ ref('int_round_trips_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key='round_trip_id',
    meta={
        'region': {
            'pending': 'int_round_trips_to_restate',
            'by': ['exchange', 'symbol', 'strategy_id'],
            'from': 'closed_at'
        },
        'time': 'closed_at'
    }
) }}

with

legs as {{ not_materialized() }} (

    select * from {{ ref('int_round_trip_legs') }}

),

ended as (

    select
        legs.exchange,
        legs.symbol,
        legs.strategy_id,
        legs.trip_number,
        legs.opened_at
    from legs
    {% if is_incremental() %}
        semi join {{ ref('int_round_trips_to_restate') }} as pending
            on
                legs.exchange = pending.exchange
                and legs.symbol = pending.symbol
                and legs.strategy_id = pending.strategy_id
                and legs.event_at >= pending.restart_at
    {% endif %}
    where legs.ends

),

trips as (

    select
        legs.exchange,
        legs.symbol,
        legs.strategy_id,
        legs.trip_number,
        if(any_value(legs.side) filter (where legs.opens) = 'buy', 'long', 'short') as side,
        any_value(legs.quote_currency) as currency,
        min(legs.event_at) as opened_at,
        max(legs.event_at) as closed_at,
        count(*) as fills,
        sum(legs.entered) as entered_quantity,
        sum(legs.exited) as exited_quantity,
        {{ sum_if_known(notional('legs.entered', 'legs.price')) }} as entered_notional,
        {{ sum_if_known(notional('legs.exited', 'legs.price')) }} as exited_notional,
        sum({{ scaled_wide('legs.entered') }}) as entered_units,
        sum({{ scaled_wide('legs.exited') }}) as exited_units,
        {{ sum_if_known('legs.realized_pnl') }} as realized_pnl,
        {{ sum_if_known('legs.commission') }} as commission,
        sum(legs.fees) as fees
    from legs
    semi join ended
        on
            legs.exchange = ended.exchange
            and legs.symbol = ended.symbol
            and legs.strategy_id = ended.strategy_id
            and legs.trip_number = ended.trip_number
            and legs.event_at >= ended.opened_at
    group by legs.exchange, legs.symbol, legs.strategy_id, legs.trip_number

),

final as (

    select
        {{ stable_id(['exchange', 'symbol', 'strategy_id', 'trip_number']) }} as round_trip_id,
        exchange,
        symbol,
        strategy_id,
        trip_number,
        side,
        opened_at,
        closed_at,
        fills::integer as fills,
        entered_quantity::decimal(38, 10) as entered_quantity,
        exited_quantity::decimal(38, 10) as exited_quantity,
        {{ average_price('entered_notional', 'entered_units') }} as average_entry_price,
        {{ average_price('exited_notional', 'exited_units') }} as average_exit_price,
        realized_pnl::decimal(38, 8) as realized_pnl,
        commission::decimal(38, 8) as commission,
        fees::decimal(38, 8) as fees,
        (realized_pnl - commission - fees)::decimal(38, 8) as net_pnl,
        currency
    from trips

)

select * from final
order by closed_at
