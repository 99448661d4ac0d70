{{ config(materialized='table') }}

-- When a symbol changes, the last price of the former one is that of the new one, unless that has a
-- newer one itself. One from before a split is of old shares and is not taken over.
with

changes as (

    select
        actions.exchange,
        actions.symbol,
        actions.effective_at,
        instruments.price_exchange,
        new_instruments.price_exchange as new_price_exchange,
        actions.new_symbol
    from {{ ref('int_corporate_actions') }} as actions
    inner join {{ ref('int_traded_instruments') }} as instruments
        on {{ same_key('actions', 'instruments', ['exchange', 'symbol']) }}
    inner join {{ ref('int_traded_instruments') }} as new_instruments
        on
            actions.exchange = new_instruments.exchange
            and actions.new_symbol = new_instruments.symbol
    where actions.kind = 'symbol_change' and actions.fault is null

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where is_split and is_withdrawn is not true

),

closes as (

    select closes.*
    from {{ ref('int_minute_closes') }} as closes
    where closes.symbol in (select unnest([changes.symbol, changes.new_symbol]) from changes)

),

last_prices as (

    select
        changes.*,
        closes.price,
        closes.known_at as priced_at
    from changes
    asof inner join closes
        on
            {{ same_key('changes', 'closes', ['price_exchange', 'symbol']) }}
            and changes.effective_at >= closes.known_at

),

newest as (

    select last_prices.*
    from last_prices
    asof left join closes
        on
            last_prices.new_price_exchange = closes.price_exchange
            and last_prices.new_symbol = closes.symbol
            and last_prices.effective_at >= closes.known_at
    where closes.known_at is null or closes.known_at < last_prices.priced_at

),

final as (

    select
        newest.new_price_exchange as price_exchange,
        newest.new_symbol as symbol,
        newest.effective_at as known_at,
        newest.price
    from newest
    anti join splits
        on
            {{ same_key('newest', 'splits', ['exchange', 'symbol']) }}
            and splits.effective_at between newest.priced_at and newest.effective_at

)

select * from final
