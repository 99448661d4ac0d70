{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- Instruments whose price may have changed since all of the chain was built, and from when on: by
-- their own 1m closes, or by those of a symbol whose price they took over.
with recursive

changed_minutes as (

    select * from {{ ref('int_changed_minutes') }}
    where chain = 'trading'

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

changes as (

    select * from {{ ref('int_corporate_actions') }}
    where new_symbol is not null

),

own as (

    select
        exchange as price_exchange,
        symbol,
        min(minute) + interval 1 minute as restart_at
    from changed_minutes
    group by exchange, symbol

),

reached as (

    select * from own
    union
    select
        new_instruments.price_exchange,
        new_instruments.symbol,
        changes.effective_at as restart_at
    from reached
    inner join instruments
        on {{ same_key('reached', 'instruments', ['price_exchange', 'symbol']) }}
    inner join changes
        on
            {{ same_key('instruments', 'changes', ['exchange', 'symbol']) }}
            and reached.restart_at <= changes.effective_at
    inner join instruments as new_instruments
        on
            changes.exchange = new_instruments.exchange
            and changes.new_symbol = new_instruments.symbol

),

final as (

    select
        price_exchange,
        symbol,
        min(restart_at) as restart_at
    from reached
    group by price_exchange, symbol

)

select * from final
