-- What was closed, the newest first.
select
    trips.symbol,
    trips.strategy_id as strategy,
    { 'amount': trips.net_pnl, 'currency': trips.currency } as net_pnl,
    trips.closed_at,
    trips.side,
    trips.fills,
    trips.entered_quantity as quantity,
    { 'price': trips.average_entry_price, 'currency': terms.quote_currency } as entry,
    { 'price': trips.average_exit_price, 'currency': terms.quote_currency } as exit,
    trips.exchange,
    trips.account_id as account
from round_trips as trips
left join instrument_terms as terms
    on trips.exchange = terms.exchange and trips.symbol = terms.symbol
order by trips.closed_at desc, trips.exchange, trips.symbol, strategy
