-- The newest quote when an order with fills was created. Quotes of the same UTC day only, so that
-- the ticks of other days are not read.
with

filled_orders as (

    select * from {{ ref('orders') }}
    where filled_quantity > 0

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

quote_ticks as (

    select * from {{ ref('market_ticks') }}
    where kind = 'quote' and not is_busted

),

with_terms as (

    select
        filled_orders.*,
        filled_orders.filled_quantity::decimal(28, 10) as filled,
        instruments.price_exchange,
        instruments.multiplier,
        instruments.is_inverse,
        instruments.settle_currency as quote_currency
    from filled_orders
    inner join instruments
        on {{ same_key('filled_orders', 'instruments', ['exchange', 'symbol']) }}

),

-- Of several quotes of one instant the last in trade order; of one side only it has no middle. The
-- middle has a decimal more than quotes, which counts where a token costs a few of their ticks.
-- Prices stand in for their content hash, which is not published.
quotes as (

    select
        quote_ticks.exchange,
        quote_ticks.symbol,
        quote_ticks.date,
        quote_ticks.timestamp,
        last(
            {{ mid_price('quote_ticks.bid_price', 'quote_ticks.ask_price') }}
            order by
                coalesce(quote_ticks.nanoseconds, 0),
                quote_ticks.sequence_number nulls last,
                {{ as_number('quote_ticks.trade_id') }} nulls last,
                quote_ticks.place nulls last,
                quote_ticks.bid_price nulls last,
                quote_ticks.ask_price nulls last
        )::decimal(28, 10) as mid_price
    from quote_ticks
    semi join with_terms
        on
            quote_ticks.exchange = with_terms.price_exchange
            and quote_ticks.symbol = with_terms.symbol
            and quote_ticks.date = with_terms.date
    group by
        quote_ticks.exchange,
        quote_ticks.symbol,
        quote_ticks.date,
        quote_ticks.timestamp

),

final as (

    select
        with_terms.*,
        quotes.timestamp as quoted_at,
        quotes.mid_price
    from with_terms
    asof left join quotes
        on
            with_terms.price_exchange = quotes.exchange
            and with_terms.symbol = quotes.symbol
            and with_terms.date = quotes.date
            and with_terms.created_at >= quotes.timestamp

)

select * from final
