-- From when on cash may belong to other positions since all of the chain was built: it changed, or
-- what was held when it accrued and under which symbol, or what it is worth in their currency.
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

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

changed_rates as (

    select * from {{ ref('int_changed_rates') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

fresh_actions as (

    select * from {{ ref('stg_corporate_actions') }}
    where changed_in_batch > (select built.batch_id from built)

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
    -- It may have had another name when it accrued.
    select
        cash_events.account_id,
        cash_events.exchange,
        cash_events.symbol,
        cash_events.event_time as restart_at
    from cash_events
    inner join lineages on {{ same_key('cash_events', 'lineages', ['exchange', 'symbol']) }}
    inner join lineages as others on {{ same_key('lineages', 'others', ['exchange', 'lineage']) }}
    semi join fresh_actions
        on
            others.exchange = fresh_actions.exchange
            and others.symbol = fresh_actions.symbol
            and fresh_actions.kind = 'symbol_change'
            and cash_events.accrued_at <= fresh_actions.effective_at
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

    {{ whole_lineage('restarts', 'lineages', of=[]) }}

)

select * from final
