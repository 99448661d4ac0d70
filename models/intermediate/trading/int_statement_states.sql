{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set ids = [
    'order_id := ' ~ uuid_v5('positions', 'states.first_fill.order_id'),
    'trade_id := ' ~ uuid_v5('positions', 'states.first_fill.trade_id'),
] %}

-- What each position was at the statements of its account, and its first fill since the one before.
-- An event counts from the first statement at or after it, so a history is read once, however many
-- statements there are.
with

times as (

    select distinct
        account_id,
        as_of
    from {{ ref('stg_statements') }}

),

shared_trades as (

    select * from {{ ref('int_shared_trade_ids') }}

),

-- Without a statement of the account nothing of its history is read.
all_states as (

    select
        states.* replace (
            {{ order_name('states.order_id') }} as order_id,
            coalesce(shared_trades.trade_name, states.trade_id, states.fill_id) as trade_id
        )
    from {{ ref('int_position_states') }} as states
    semi join times on states.account_id = times.account_id
    left join shared_trades
        on {{ same_key('states', 'shared_trades', position[:3] + ['order_id', 'fill_id']) }}

),

all_valuations as (

    select valuations.*
    from {{ ref('int_position_valuations') }} as valuations
    semi join times on valuations.account_id = times.account_id

),

states as (

    select
        states.account_id,
        states.exchange,
        states.symbol,
        states.strategy_id,
        states.position_side,
        times.as_of,
        max_by(
            { 'quantity': states.quantity, 'cost_basis': states.cost_basis }, states.event_number
        ) as state,
        min_by(
            {
                'at': states.event_at,
                'order_id': states.order_id,
                'trade_id': states.trade_id
            },
            states.event_number
        ) filter (where states.fill_id is not null) as first_fill
    from all_states as states
    asof inner join times
        on states.account_id = times.account_id and states.event_at <= times.as_of
    group by all

),

valuations as (

    select
        valuations.account_id,
        valuations.exchange,
        valuations.symbol,
        valuations.strategy_id,
        valuations.position_side,
        times.as_of,
        max_by(
            { 'quantity': valuations.quantity, 'market_value': valuations.market_value },
            valuations.snapshot_time
        ) as valuation
    from all_valuations as valuations
    asof inner join times
        on valuations.account_id = times.account_id and valuations.snapshot_time <= times.as_of
    group by all

),

positions as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        min(as_of) as first_as_of
    from states
    group by all

),

positions_then as (

    select
        positions.* exclude (first_as_of), -- noqa: RF02
        times.as_of
    from positions
    inner join times
        on positions.account_id = times.account_id and positions.first_as_of <= times.as_of

),

final as (

    select
        positions.*,
        -- By the ids that the marts call it.
        case
            when states.first_fill is not null
                then struct_update(states.first_fill, {{ ids | join(', ') }}) -- noqa: RF01
        end as first_fill,
        last_value(states.state ignore nulls) over history as state,
        last_value(valuations.valuation ignore nulls) over history as valuation
    from positions_then as positions
    left join states
        on {{ same_key('positions', 'states', position + ['as_of']) }}
    left join valuations
        on {{ same_key('positions', 'valuations', position + ['as_of']) }}
    window history as (
        partition by {{ columns_of(position, 'positions') }}
        order by positions.as_of
    )

)

select * from final
