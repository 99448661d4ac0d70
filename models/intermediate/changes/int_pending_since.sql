-- From when on rows of a relation may change in the next build: days from then on are not archived.
with

touched_minutes as (

    select * from {{ ref('int_touched_minutes') }}

),

changed_minutes as (

    select * from {{ ref('int_changed_minutes') }}

),

ticks as {{ not_materialized() }} (

    select * from {{ landed('ticks') }}

),

disputed_ticks as (

    select * from {{ ref('int_disputed_ticks') }}

),

corrections as (

    select * from {{ ref('stg_tick_corrections') }}

),

confirmations as (

    select * from {{ ref('stg_tick_confirmations') }}

),

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where chain = 'bars'

),

trading_restarts as (

    select * from {{ ref('int_trading_pending') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'ticks'

),

fresh_corrections as (

    select * from corrections
    where batch_id > (select built.batch_id from built)

),

fresh_confirmations as (

    select * from confirmations
    where batch_id > (select built.batch_id from built)

),

of_ticks as (

    select minute as pending_since from touched_minutes
    union all
    select ticks.timestamp as pending_since
    from ticks
    semi join fresh_corrections
        on
            ticks.exchange = fresh_corrections.exchange
            and ticks.symbol = fresh_corrections.symbol
            and ticks.trade_id = fresh_corrections.trade_id
            and coalesce(ticks.venue, '') = coalesce(fresh_corrections.venue, '')
    where ticks.kind = 'trade'
    union all
    select disputed_ticks.timestamp as pending_since
    from disputed_ticks
    semi join fresh_confirmations on disputed_ticks.tick_id = fresh_confirmations.tick_id

),

-- A day's bar may begin in the day before.
of_bars as (

    select pending_since - interval 1 day as pending_since from of_ticks
    union all
    select minute - interval 1 day as pending_since from changed_minutes
    union all
    select date::timestamp as pending_since from restored_days

),

of_trading as (

    select pending_since from of_bars
    union all
    select restart_at as pending_since from trading_restarts

),

final as (

    select
        'market_ticks' as relation,
        min(pending_since) as pending_since
    from of_ticks
    union all
    select
        'ohlcv_bars' as relation,
        min(pending_since) as pending_since
    from of_bars
    union all
    select
        unnest(['orders', 'trades', 'positions', 'portfolio_snapshots']) as relation,
        min(pending_since) as pending_since
    from of_trading

)

select * from final
where pending_since is not null
