-- What happens to each position: its fills, and the corporate actions of its instrument from its
-- beginning on. An action comes before what is traded at its instant; what concerns two symbols is
-- two events, of which the second takes what the first gave.
with

fills as {{ not_materialized() }} (

    select * from {{ ref('int_position_fills') }}

),

actions as (

    select * from {{ ref('int_corporate_actions') }}
    where fault is null

),

beginnings as (

    select * from {{ ref('int_position_beginnings') }}

),

legs as (

    select
        *,
        is_split as is_split_leg,
        case kind
            when 'spin_off' then 'spin_off_out'
            when 'symbol_change' then 'symbol_out'
            when 'cash_in_lieu' then 'cash_in_lieu'
        end as action,
        symbol as held_symbol,
        new_symbol as action_symbol,
        action_order || chr(31) || 'a' as leg_order
    from actions
    union all
    select
        *,
        false as is_split_leg,
        case when kind = 'spin_off' then 'spin_off_in' else 'symbol_in' end as action,
        new_symbol as held_symbol,
        symbol as action_symbol,
        action_order || chr(31) || 'b' as leg_order
    from actions
    where new_symbol is not null

),

final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        executed_at as event_at,
        false as is_split,
        null::varchar as action,
        null::varchar as action_order,
        null::varchar as action_symbol,
        sequence_number,
        trade_number,
        content_hash,
        order_id,
        fill_id,
        position_delta::decimal(38, 10) as quantity,
        coalesce(price, 0)::decimal(38, 10) as price,
        null::decimal(18, 8) as ratio,
        null::decimal(18, 8) as cost_share,
        -- What a fill of an inverse contract costs is no product of quantity and price.
        case when is_inverse and transfer is null then 'in' else transfer end as transfer,
        transfer_cost
    from fills
    union all
    select
        beginnings.account_id,
        beginnings.exchange,
        beginnings.symbol,
        beginnings.strategy_id,
        beginnings.position_side,
        legs.effective_at as event_at,
        legs.is_split_leg as is_split,
        legs.action,
        legs.leg_order as action_order,
        legs.action_symbol,
        null as sequence_number,
        null as trade_number,
        null as content_hash,
        null as order_id,
        null as fill_id,
        0 as quantity,
        coalesce(legs.cash_amount, 0) as price,
        legs.ratio,
        legs.cost_share,
        null as transfer,
        null as transfer_cost
    from legs
    inner join beginnings
        on
            legs.exchange = beginnings.exchange
            and legs.held_symbol = beginnings.symbol
            and legs.effective_at >= beginnings.began_at

)

select * from final
