-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key='position_id',
    meta={
        'region': {'pending': 'int_valuations_to_restate', 'by': position[:4], 'from': 'snapshot_time'},
        'time': 'snapshot_time',
        'cold': {'relation': 'positions', 'id': 'position_id'}
    }
) }}

with

valuations as (

    select valuations.*
    from {{ ref('int_position_valuations') }} as valuations
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('valuations', 'pending', position[:4]) }}
                and valuations.snapshot_time >= pending.restart_at
    {% endif %}
    where valuations.is_published

),

drawdowns as (

    select * from {{ ref('int_position_drawdowns') }}
    where is_shown

),

costs as (

    {{ costs_since_restart(position) }}

),

cash as (

    select * from {{ ref('int_position_cash') }}

),

-- A join as of a time sorts its rows: only those of marks, and of positions that were paid any.
earlier as (

    select
        {{ columns_of(position + ['snapshot_time'], 'valuations') }},
        {{ columns_of(['event_at', 'commission', 'fees'], 'costs') }}
    from valuations
    asof inner join costs
        on
            {{ same_key('valuations', 'costs', position) }}
            and valuations.snapshot_time >= costs.event_at
    where valuations.is_fill is not true

),

paid as (

    select
        {{ columns_of(position + ['snapshot_time'], 'valuations') }},
        {{ columns_of(['carry', 'commission', 'fees'], 'cash') }}
    from valuations
    semi join cash as payments on {{ same_key('valuations', 'payments', position) }}
    asof inner join cash
        on
            {{ same_key('valuations', 'cash', position) }}
            and valuations.snapshot_time >= cash.event_time

),

with_drawdown as (

    select
        valuations.*,
        {{ columns_of(['deepest_fall', 'largest_cost'], 'drawdowns') }},
        abs(valuations.cost_basis) as cost,
        -- Before a first fill of its own, what a new symbol holds has cost nothing under it.
        case
            when coalesce(costs.event_at, earlier.event_at) is null then 0
            else coalesce(costs.commission, earlier.commission)
        end + coalesce(paid.commission, 0) as commission,
        coalesce(costs.fees, earlier.fees, 0) + coalesce(paid.fees, 0) as fees,
        coalesce(paid.carry, 0) as carry
    from valuations
    inner join drawdowns
        on
            {{ same_key('valuations', 'drawdowns', position) }}
            -- A payment after the close takes the drawdown of the close.
            and coalesce(valuations.closed_at, valuations.snapshot_time) = drawdowns.snapshot_time
    left join costs
        on
            {{ same_key('valuations', 'costs', position) }}
            and valuations.snapshot_time = costs.event_at
    left join earlier on {{ same_key('valuations', 'earlier', position + ['snapshot_time']) }}
    left join paid on {{ same_key('valuations', 'paid', position + ['snapshot_time']) }}

),

final as (

    select
        {{ stable_id([
            named_account(), 'exchange', 'symbol', 'strategy_id', 'snapshot_time', hedged_side()
        ]) }} as position_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        case sign(quantity) when 1 then 'long' when -1 then 'short' when 0 then 'flat' end as side,
        quantity::decimal(38, 10) as quantity,
        average_price::decimal(38, 10) as average_entry_price,
        opened_at as first_entry_time,
        current_price,
        {{ rounded_by_guess('market_value', 8) }} as market_value,
        {{ rounded_by_guess('unrealized_pnl', 8) }} as unrealized_pnl,
        {{ percentage(
            'unrealized_pnl',
            'if(cost_basis * sign(quantity) < 0 and is_inverse is not true, -cost, cost)'
        ) }} as unrealized_pnl_pct,
        {{ rounded_by_guess('realized_pnl', 8) }} as realized_pnl,
        {{ rounded_by_guess('commission', 8) }} as commission,
        {{ rounded_by_guess('fees', 8) }} as fees,
        {{ rounded_by_guess('carry', 8) }} as carry,
        {{ rounded_by_guess('(realized_pnl + unrealized_pnl - commission - fees + carry)', 8) }}
            as net_pnl,
        {{ rounded_by_guess('cost', 8) }} as total_cost_basis,
        {{ rounded_by_guess('deepest_fall', 8) }} as max_drawdown,
        {{ percentage('deepest_fall', 'largest_cost') }} as max_drawdown_pct,
        snapshot_time,
        opened_at,
        if(quantity = 0, coalesce(closed_at, snapshot_time), null) as closed_at,
        correlation_id,
        is_fill,
        trip_number
    from with_drawdown

)

select * from final
order by snapshot_time
