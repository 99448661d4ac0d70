-- What is open. The most wanted columns come first: a phone shows four.
select
    positions.symbol,
    positions.strategy_id as strategy,
    positions.quantity,
    { 'amount': positions.unrealized_pnl, 'currency': terms.settle_currency } as unrealized_pnl,
    { 'price': positions.average_entry_price, 'currency': terms.quote_currency } as average,
    { 'price': positions.current_price, 'currency': terms.quote_currency } as price,
    { 'amount': positions.market_value, 'currency': terms.settle_currency } as market_value,
    { 'amount': positions.realized_pnl, 'currency': terms.settle_currency } as realized_pnl,
    positions.exchange,
    positions.account_id as account,
    positions.opened_at,
    positions.snapshot_time as valued_at
from current_positions as positions
left join instrument_terms as terms
    on positions.exchange = terms.exchange and positions.symbol = terms.symbol
order by abs(positions.market_value) desc nulls last, exchange, positions.symbol, strategy
