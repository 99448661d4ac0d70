-- What is computed with besides what landed, by chain. A chain remembers it when it is complete; a
-- difference since then is pending work (trading), or needs a full refresh (ticks, feeds, bars).
with

bar_reference as (

    select * from {{ ref('int_bar_reference') }}

),

trading_reference as (

    select * from {{ ref('int_trading_reference') }}

),

final as (

    select
        chain,
        kind,
        '' as exchange,
        '' as symbol,
        content
    from bar_reference
    union all
    select
        'trading' as chain,
        kind,
        exchange,
        symbol,
        content
    from trading_reference

)

select * from final
