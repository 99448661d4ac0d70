{{ config(materialized='table') }}

-- Symbols that corporate actions link, directly or by others, and one name for those that are
-- linked: their positions are folded, and restated, together.
with recursive

links as (

    select * from {{ ref('stg_symbol_links') }}

),

both_ways as (

    select
        exchange,
        symbol,
        new_symbol as other
    from links
    union
    select
        exchange,
        new_symbol as symbol,
        symbol as other
    from links

),

reached as (

    select
        exchange,
        symbol,
        other
    from both_ways
    union
    select
        reached.exchange,
        reached.symbol,
        both_ways.other
    from reached
    inner join both_ways
        on reached.exchange = both_ways.exchange and reached.other = both_ways.symbol

),

final as (

    select
        exchange,
        symbol,
        least(symbol, min(other)) as lineage
    from reached
    group by exchange, symbol

)

select * from final
