{{ config(materialized='table') }}
{% set carried = ['exchange', 'symbol', 'known_at'] %}

-- What a symbol takes over of the last price of another one, unless it has a newer one itself; by
-- exact ratios. What is spun off may be traded already: its price of about then counts.
with

ways as (

    select * from {{ ref('int_price_ways') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

adjustments as (

    select * from {{ ref('int_price_adjustments') }}

),

closes as (

    select closes.*
    from {{ ref('int_minute_closes') }} as closes
    where closes.symbol in (select unnest([ways.origin, ways.symbol]) from ways)

),

priced_ways as (

    select
        ways.*,
        instruments.price_exchange,
        new_instruments.price_exchange as new_price_exchange
    from ways
    inner join instruments
        on ways.exchange = instruments.exchange and ways.origin = instruments.symbol
    inner join instruments as new_instruments
        on {{ same_key('ways', 'new_instruments', ['exchange', 'symbol']) }}

),

-- Of several ways the one with the newest price counts.
last_prices as (

    select
        ways.*,
        closes.price,
        closes.known_at as priced_at
    from priced_ways as ways
    asof inner join closes
        on
            ways.price_exchange = closes.price_exchange
            and ways.origin = closes.symbol
            and ways.left_at >= closes.known_at
    qualify
        row_number() over (
            partition by {{ columns_of(carried, 'ways') }}
            order by closes.known_at desc, ways.origin asc, ways.left_at desc
        ) = 1

),

newest as (

    select last_prices.*
    from last_prices
    asof left join closes
        on
            last_prices.new_price_exchange = closes.price_exchange
            and last_prices.symbol = closes.symbol
            and last_prices.known_at >= closes.known_at
    where
        closes.known_at is null
        or closes.known_at
        < last_prices.priced_at - interval (if(last_prices.kind = 'spin_off', 1, 0)) day

),

steps as (

    select
        {{ columns_of(carried) }},
        priced_at - interval 1 microsecond as before_all,
        unnest(steps) as step
    from newest

),

-- Of the symbol that it came to, what takes effect at that instant was before.
ratios as (

    select
        {{ columns_of(carried) }},
        step.new_shares, -- noqa: RF01
        step.old_shares -- noqa: RF01
    from steps
    union all
    select
        {{ columns_of(carried, 'steps') }},
        adjustments.new_shares,
        adjustments.old_shares
    from steps
    inner join adjustments
        on
            steps.exchange = adjustments.exchange
            and steps.step.symbol = adjustments.symbol -- noqa: RF01
            and coalesce(steps.step.since, steps.before_all) -- noqa: RF01
            < adjustments.effective_at
            and (adjustments.effective_at, adjustments.action_order)
            < (steps.step.until, steps.step.action_order) -- noqa: RF01

),

products as (

    select
        {{ columns_of(carried) }},
        list(new_shares) as new_shares,
        list(old_shares) as old_shares
    from ratios
    group by {{ columns_of(carried) }}

),

final as (

    select
        newest.new_price_exchange as price_exchange,
        newest.symbol,
        newest.known_at,
        newest.price,
        {
            'new_shares': coalesce(try({{ product_of('products.new_shares') }}), 0), -- noqa: PRS
            'old_shares': coalesce(try({{ product_of('products.old_shares') }}), 0) -- noqa: PRS
        } as ratio
    from newest
    inner join products on {{ same_key('newest', 'products', carried) }}

)

select * from final
