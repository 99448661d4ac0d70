-- What cash events have paid to a position so far, at the time of each, in the currency of its
-- instrument. Carry is what it earned; commission and fees are what it cost.
with

shares as (

    select * from {{ ref('int_cash_shares') }}
    where amount_in_quote is not null

),

final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        event_time,
        sum({{ paid_as('carry') }}) over history as carry,
        sum({{ paid_as('commission') }}) over history as commission,
        sum({{ paid_as('fees') }}) over history as fees
    from shares
    group by account_id, exchange, symbol, strategy_id, position_side, event_time
    window history as (
        partition by account_id, exchange, symbol, strategy_id, position_side order by event_time
    )

)

select * from final
