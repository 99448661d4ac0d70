-- What did each strategy earn on each day, after commissions and fees?
-- Realised P&L is that day's; unrealised is what was open at its last position row, over all
-- accounts. A commission in the base currency (spot crypto) is valued at the price of its own fill.
-- Figures are in the currency that the instrument settles in; a commission in a third one is not in
-- them, but counted in `commissions_elsewhere`.
with

trades as (

    select * from {{ ref('trades') }}

),

positions as (

    select * from {{ ref('positions') }}

),

instruments as (

    select * from {{ ref('instrument_terms') }}

),

charged_trades as (

    select
        trades.*,
        case
            when trades.commission_currency = instruments.settle_currency then trades.commission
            when trades.commission_currency = instruments.base_currency and not instruments.margined
                then
                    trades.commission::decimal(38, 10)
                    * (trades.price * instruments.multiplier)::decimal(28, 10)
            when trades.commission != 0 then null
            else 0
        end as charge
    from trades
    left join instruments
        on
            trades.exchange = instruments.exchange
            and trades.symbol = instruments.symbol

),

trading_days as (

    select
        strategy_id,
        exchange,
        symbol,
        executed_at::date as day,
        count(*) as fills,
        sum(notional) as turnover,
        coalesce(sum(realized_pnl), 0) as realized_pnl,
        coalesce(sum(charge), 0) as commission,
        count_if(charge is null) as commissions_elsewhere,
        coalesce(sum(fees), 0) as fees
    from charged_trades
    group by all

),

last_rows as (

    select
        *,
        snapshot_time::date as day
    from positions
    qualify
        row_number() over (
            partition by account_id, exchange, symbol, strategy_id, position_side, day
            order by snapshot_time desc
        ) = 1

),

day_ends as (

    select
        strategy_id,
        exchange,
        symbol,
        day,
        sum(quantity) as open_quantity,
        sum(unrealized_pnl) as unrealized_pnl
    from last_rows
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
        trading_days.commissions_elsewhere,
        trading_days.fees,
        (trading_days.realized_pnl - trading_days.commission - trading_days.fees)::decimal(38, 8)
            as net_realized_pnl,
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
