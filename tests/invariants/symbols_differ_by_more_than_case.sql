{{ config(severity='warn') }}

-- The data are odd: two symbols of an exchange that differ only by case or spaces are probably one.
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
        symbol
    from {{ ref('orders') }}

),

symbols as (

    select * from of_ticks
    union
    select * from of_orders

),

final as (

    select
        exchange,
        upper(replace(symbol, ' ', '')) as symbol,
        min(symbol) as one,
        max(symbol) as other
    from symbols
    group by all
    having count(*) > 1

)

select * from final
