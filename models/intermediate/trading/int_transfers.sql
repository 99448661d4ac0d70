{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}

-- What comes in or goes out in kind is a flow of what it is worth then, or of its cost where it has
-- no price; of a margined instrument only what it has earned flows.
with

commissions as (

    select * from {{ ref('int_fill_commissions') }}
    where transfer is not null

),

valuations as {{ not_materialized() }} (

    select * from {{ ref('int_position_valuations') }}

),

in_money as (

    select
        commissions.account_id,
        commissions.exchange,
        commissions.symbol,
        commissions.strategy_id,
        commissions.position_side,
        commissions.event_number,
        commissions.event_at,
        commissions.quote_currency,
        commissions.margined,
        -- What it left less what was there, each in money: so that all add up to the last digit.
        {{ in_money('commissions.cost_basis', 'commissions.multiplier') }}
        - {{ in_money(
            '(commissions.cost_basis - commissions.realized_pnl_delta - commissions.transfer_cost)',
            'commissions.multiplier'
        ) }} as cost_moved,
        {{ in_money(
            worth(
                'commissions.position_delta', 'valuations.current_price', 'commissions.is_inverse'
            ),
            'commissions.multiplier'
        ) }} as market_value,
        {{ realized_in_money('commissions.multiplier', 'commissions.') }} as realized_pnl
    from commissions
    left join valuations
        on
            {{ same_key('commissions', 'valuations', position) }}
            and commissions.event_at = valuations.snapshot_time

),

final as (

    select
        * exclude (cost_moved),
        cost_moved - realized_pnl as cost,
        coalesce(market_value, cost) - case when margined then cost else 0 end as flow,
        -- what it had earned before it came
        coalesce(market_value, cost) - cost as brought_in
    from in_money

)

select * from final
