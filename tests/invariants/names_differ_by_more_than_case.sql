{{ config(severity='warn') }}

-- The data are odd: two symbols of an exchange, two exchanges or two accounts that differ only by
-- case or spaces are probably one.
with

of_ticks as (

    select distinct
        exchange,
        symbol
    from {{ ref('latest_ticks') }}

),

of_orders as (

    select distinct
        exchange,
        symbol,
        account_id
    from {{ ref('orders') }}

),

symbols as (

    select * from of_ticks
    union
    select
        exchange,
        symbol
    from of_orders

),

names as (

    select
        exchange,
        'symbol' as what,
        symbol as name
    from symbols
    union
    select
        null as exchange,
        'exchange' as what,
        exchange as name
    from symbols
    union
    select
        null as exchange,
        'account' as what,
        account_id as name
    from of_orders

),

final as (

    select
        what,
        exchange,
        upper(replace(name, ' ', '')) as name,
        min(name) as one,
        max(name) as other
    from names
    group by all
    having count(*) > 1

)

select * from final
