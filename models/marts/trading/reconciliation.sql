-- It compares and corrects nothing: what is wrong in our books is mended by an event that lands.
{% set tolerance = var('reconciliation_tolerance') %}
with

items as (

    select
        *,
        coalesce(
            is_told and abs(quantity_difference) <= if(symbol is null, {{ tolerance }}, 0), false
        ) as is_held_alike
    from {{ ref('int_statement_items') }}

),

-- An item's statements after one that agreed, up to the next that agrees, are a run.
runs as (

    select
        *,
        max(as_of) filter (where is_held_alike) over earlier as last_agreement_at,
        -- before the first statement nothing agreed
        coalesce(count_if(is_held_alike) over earlier, 0) as run
    from items
    window earlier as (
        partition by account_id, exchange, symbol, currency
        order by as_of
        rows between unbounded preceding and 1 preceding
    )

),

with_fill as (

    select
        *,
        min(first_fill) over (
            partition by account_id, exchange, symbol, currency, run
            order by as_of
        ) as first_since
    from runs

),

final as (

    select
        account_id,
        as_of,
        exchange,
        symbol,
        currency,
        our_quantity::decimal(38, 10) as our_quantity,
        their_quantity::decimal(38, 10) as their_quantity,
        quantity_difference::decimal(38, 10) as quantity_difference,
        our_cost::decimal(38, 8) as our_cost,
        their_cost::decimal(38, 8) as their_cost,
        cost_difference::decimal(38, 8) as cost_difference,
        our_market_value::decimal(38, 8) as our_market_value,
        their_market_value::decimal(38, 8) as their_market_value,
        market_value_difference::decimal(38, 8) as market_value_difference,
        case
            when
                is_held_alike
                and coalesce(abs(cost_difference), 0) <= {{ tolerance }}
                and coalesce(abs(market_value_difference), 0) <= {{ tolerance }}
                then 'agrees'
            -- Neither has any, or both as much: what differs is money.
            when is_held_alike then 'differs'
            when their_quantity = 0 then 'only_ours'
            when our_quantity = 0 then 'only_theirs'
            else 'differs'
        end as status,
        last_agreement_at,
        first_since.at as first_fill_at,
        first_since.order_id as first_fill_order_id,
        first_since.trade_id as first_fill_trade_id
    from with_fill
    where is_told and (is_listed or our_quantity is distinct from 0)

)

select * from final
