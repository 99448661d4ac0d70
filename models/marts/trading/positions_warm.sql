-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key='position_id',
    meta={
        'region': {
            'pending': 'int_valuations_to_restate',
            'by': position[:4],
            'from': 'snapshot_time'
        },
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

    select costs.*
    from {{ ref('int_position_costs') }} as costs
    {% if is_incremental() %}
            semi join {{ ref('int_valuations_to_restate') }} as pending
                on
                    {{ same_key('costs', 'pending', position[:4]) }}
                    and costs.event_at >= pending.restart_at
        union all
        -- What it had cost by then.
        select costs.*
        from {{ ref('int_position_costs') }} as costs
        inner join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('costs', 'pending', position[:4]) }}
                and costs.event_at < pending.restart_at
        qualify
            row_number() over (
                partition by {{ columns_of(position, 'costs') }} order by costs.event_at desc
            ) = 1
    {% endif %}

),

cash as (

    select * from {{ ref('int_position_cash') }}

),

with_drawdown as (

    select
        valuations.*,
        drawdowns.deepest_fall,
        drawdowns.largest_cost,
        {{ rounded('valuations.unrealized_pnl', 16) }} as unrealized,
        {{ rounded('valuations.realized_pnl', 16) }} as realized,
        {{ rounded('abs(valuations.cost_basis)', 16) }} as cost,
        -- Before a first fill of its own, what a new symbol holds has cost nothing under it.
        {{ rounded(
            'if(costs.event_at is null, 0, costs.commission) + coalesce(cash.commission, 0)', 16
        ) }} as commission,
        {{ rounded('coalesce(costs.fees, 0) + coalesce(cash.fees, 0)', 16) }} as fees,
        {{ rounded('coalesce(cash.carry, 0)', 16) }} as carry
    from valuations
    inner join drawdowns
        on
            {{ same_key('valuations', 'drawdowns', position) }}
            -- A payment after the close takes the drawdown of the close.
            and coalesce(valuations.closed_at, valuations.snapshot_time) = drawdowns.snapshot_time
    asof left join costs
        on
            {{ same_key('valuations', 'costs', position) }}
            and valuations.snapshot_time >= costs.event_at
    asof left join cash
        on
            {{ same_key('valuations', 'cash', position) }}
            and valuations.snapshot_time >= cash.event_time

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
        case
            when quantity > 0 then 'long'
            when quantity < 0 then 'short'
            when quantity = 0 then 'flat'
        end as side,
        quantity::decimal(38, 10) as quantity,
        average_price::decimal(38, 10) as average_entry_price,
        opened_at as first_entry_time,
        current_price,
        {{ rounded('market_value', 8) }} as market_value,
        {{ rounded('unrealized', 8) }} as unrealized_pnl,
        {{ percentage(
            'unrealized',
            'if(cost_basis * sign(quantity) < 0 and is_inverse is not true, -cost, cost)'
        ) }}
            as unrealized_pnl_pct,
        {{ rounded('realized', 8) }} as realized_pnl,
        {{ rounded('commission', 8) }} as commission,
        {{ rounded('fees', 8) }} as fees,
        {{ rounded('carry', 8) }} as carry,
        {{ rounded('realized + unrealized - commission - fees + carry', 8) }} as net_pnl,
        {{ rounded('cost', 8) }} as total_cost_basis,
        {{ rounded('deepest_fall', 8) }} as max_drawdown,
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
