-- From when on cash may belong to other positions since all of the chain was built: it changed, or
-- what was held when it accrued, or what it is worth in their currency.
{% set instrument = ['account_id', 'exchange', 'symbol'] %}
with

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

positions_to_restate as (

    select * from {{ ref('int_positions_to_restate') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

changed_rates as (

    select * from {{ ref('int_changed_rates') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

-- A former version may have named another instrument.
fresh as (

    select
        account_id,
        changed_from,
        unnest(told_of) as told
    from cash_events
    where changed_in_batch > (select built.batch_id from built)

),

restarts as (

    select
        account_id,
        told.exchange, -- noqa: RF01
        told.symbol, -- noqa: RF01
        changed_from as restart_at
    from fresh
    where told.symbol is not null -- noqa: RF01
    union all
    select
        cash_events.account_id,
        cash_events.exchange,
        cash_events.symbol,
        cash_events.event_time as restart_at
    from cash_events
    inner join positions_to_restate as positions
        on
            {{ same_key('cash_events', 'positions', instrument) }}
            and cash_events.accrued_at > positions.restart_at
    union all
    select
        cash_events.account_id,
        cash_events.exchange,
        cash_events.symbol,
        changed_rates.restart_at
    from cash_events
    inner join instruments
        on {{ same_key('cash_events', 'instruments', ['exchange', 'symbol']) }}
    inner join changed_rates on cash_events.event_time >= changed_rates.restart_at
    where cash_events.currency <> instruments.settle_currency

),

final as (

    select
        account_id,
        exchange,
        symbol,
        min(restart_at) as restart_at
    from restarts
    group by account_id, exchange, symbol

)

select * from final
