-- What each symbol was called before, and until when, through any number of symbol changes.
with recursive

changes as (

    select * from {{ ref('int_corporate_actions') }}
    where kind = 'symbol_change' and fault is null

),

reached as (

    select
        exchange,
        new_symbol as symbol,
        symbol as former_symbol,
        effective_at as called_until
    from changes
    union
    select
        reached.exchange,
        reached.symbol,
        changes.symbol as former_symbol,
        changes.effective_at as called_until
    from reached
    inner join changes
        on
            reached.exchange = changes.exchange
            and reached.former_symbol = changes.new_symbol
            and reached.called_until >= changes.effective_at

),

-- A name may have been given back and taken again.
final as (

    select
        exchange,
        symbol,
        former_symbol,
        max(called_until) as called_until
    from reached
    where former_symbol <> symbol
    group by exchange, symbol, former_symbol

)

select * from final
