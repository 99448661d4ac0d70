-- From when on a rate between two currencies may be another since all of the chain was built; no
-- row where none may.
with

changed_prices as (

    select * from {{ ref('int_changed_prices') }}

),

pairs as (

    select * from {{ ref('int_currency_pairs') }}

),

prices as (

    select * from {{ ref('int_mark_prices') }}

),

changed_pairs as (

    select * from {{ ref('int_reference_changes') }}
    where
        chain = 'trading'
        and kind = 'pair'

),

restarts as (

    select changed_prices.restart_at
    from changed_prices
    semi join pairs
        on
            changed_prices.price_exchange = pairs.price_exchange
            and changed_prices.symbol = pairs.symbol
    union all
    -- A pair that was listed, or is none any more, counts from its first price on.
    select prices.known_at as restart_at
    from prices
    semi join changed_pairs
        on
            prices.price_exchange = changed_pairs.exchange
            and prices.symbol = changed_pairs.symbol

),

final as (

    select min(restart_at) as restart_at
    from restarts
    having count(*) > 0

)

select * from final
