-- What is held of each instrument; the share is of all that is held in its currency, either way.
with

held as (

    select
        positions.exchange,
        positions.symbol,
        terms.settle_currency as currency,
        sum(positions.market_value) as net,
        sum(abs(positions.market_value)) as gross
    from current_positions as positions
    left join instrument_terms as terms
        on positions.exchange = terms.exchange and positions.symbol = terms.symbol
    group by positions.exchange, positions.symbol, terms.settle_currency

)

select
    symbol,
    { 'amount': net, 'currency': currency } as net,
    { 'amount': gross, 'currency': currency } as gross,
    (100 * gross::double / nullif(sum(gross) over (partition by currency), 0)::double)
    ::decimal(10, 2) as share_pct,
    exchange
from held
order by currency, held.gross desc nulls last, exchange, symbol
