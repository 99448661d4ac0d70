-- What did each strategy earn on each day, after commissions and fees?
-- Realised P&L is that day's; unrealised is what was open at its last position row. A commission in
-- the base currency (spot crypto) is valued at the price of its own fill. Figures are in the
-- instrument's quote currency.
with

trades as (

    select * from {{ ref('trades') }}

),

positions as (

    select * from {{ ref('positions') }}

),

instruments as (

    select * from {{ ref('instruments') }}

),

trading_days as (

    select
        trades.strategy_id,
        trades.exchange,
        trades.symbol,
        trades.executed_at::date as day,
        count(*) as fills,
        sum(trades.quantity::decimal(28, 8) * trades.price) as turnover,
        sum(trades.realized_pnl) as realized_pnl,
        sum(
            case
                when trades.commission_currency = instruments.base_currency
                    then trades.commission::decimal(28, 8) * trades.price
                else trades.commission
            end
        ) as commission,
        sum(trades.fees) as fees
    from trades
    left join instruments
        on
            trades.exchange = instruments.exchange
            and trades.symbol = instruments.symbol
    group by all

),

day_ends as (

    select
        strategy_id,
        exchange,
        symbol,
        snapshot_time::date as day,
        arg_max(quantity, snapshot_time) as open_quantity,
        arg_max(unrealized_pnl, snapshot_time) as unrealized_pnl
    from positions
    group by all

),

final as (

    select
        trading_days.day,
        trading_days.strategy_id,
        trading_days.exchange,
        trading_days.symbol,
        trading_days.fills,
        trading_days.turnover::decimal(38, 2) as turnover,
        trading_days.realized_pnl,
        trading_days.commission::decimal(38, 8) as commission,
        coalesce(trading_days.fees, 0) as fees,
        (
            trading_days.realized_pnl
            - coalesce(trading_days.commission, 0)
            - coalesce(trading_days.fees, 0)
        )::decimal(38, 8) as net_realized_pnl,
        day_ends.open_quantity,
        day_ends.unrealized_pnl
    from trading_days
    left join day_ends
        on
            trading_days.strategy_id = day_ends.strategy_id
            and trading_days.exchange = day_ends.exchange
            and trading_days.symbol = day_ends.symbol
            and trading_days.day = day_ends.day

)

select * from final
order by day, strategy_id, exchange, symbol
