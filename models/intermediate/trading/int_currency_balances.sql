-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['snapshot_time', 'currency'],
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}

-- What each currency held and what its positions were worth, at every snapshot time, continued from
-- the last time before anything changed.
with

continued as (

    {% if is_incremental() %}
        select coalesce(max(balances.snapshot_time), timestamp '-infinity') as since
        from {{ ref('int_portfolio_to_restate') }} as pending
        left join {{ this }} as balances on balances.snapshot_time < pending.restart_at
        group by pending.restart_at
    {% else %}
        select timestamp '-infinity' as since
    {% endif %}

),

ledger as {{ not_materialized() }} (

    select * from {{ ref('int_ledger') }}

),

positions as (

    select * from {{ ref('int_currency_positions') }}
    where snapshot_time > (select continued.since from continued)

),

last_balances as (

    {% if is_incremental() %}
        select
            currency,
            net_flows,
            other_cash,
            realized_pnl,
            commission,
            fees,
            cash
        from {{ this }}
        where snapshot_time = (select continued.since from continued)
    {% else %}
        select
            currency,
            flow as net_flows,
            other_cash,
            realized_pnl,
            commission,
            fees,
            cash
        from ledger
        where false
    {% endif %}

),

times as (

    select * from {{ ref('int_balance_times') }}
    where snapshot_time > (select continued.since from continued)

),

-- Each movement counts from the first snapshot time at or after it.
moved as (

    select
        times.snapshot_time,
        ledger.currency,
        sum(ledger.flow) as flow,
        sum(ledger.other_cash) as other_cash,
        sum(ledger.realized_pnl) as realized_pnl,
        sum(ledger.commission) as commission,
        sum(ledger.fees) as fees,
        sum(ledger.cash) as cash
    from ledger
    asof inner join times on ledger.moved_at <= times.snapshot_time
    where ledger.moved_at > (select continued.since from continued)
    group by times.snapshot_time, ledger.currency

),

currencies as (

    select currency from last_balances
    union
    select currency from moved
    union
    select currency from positions

),

final as (

    select
        times.snapshot_time,
        times.is_busy,
        currencies.currency,
        coalesce(moved.flow, 0) as flow,
        coalesce(last_balances.net_flows, 0)
        + coalesce(sum(moved.flow) over history, 0) as net_flows,
        coalesce(last_balances.other_cash, 0)
        + coalesce(sum(moved.other_cash) over history, 0) as other_cash,
        coalesce(last_balances.realized_pnl, 0)
        + coalesce(sum(moved.realized_pnl) over history, 0) as realized_pnl,
        coalesce(last_balances.commission, 0)
        + coalesce(sum(moved.commission) over history, 0) as commission,
        coalesce(last_balances.fees, 0)
        + coalesce(sum(moved.fees) over history, 0) as fees,
        coalesce(last_balances.cash, 0)
        + coalesce(sum(moved.cash) over history, 0) as cash,
        coalesce(positions.market_value, 0) as market_value,
        coalesce(positions.unrealized_pnl, 0) as unrealized_pnl,
        coalesce(positions.margined_pnl, 0) as margined_pnl,
        coalesce(positions.gross_notional, 0) as gross_notional,
        coalesce(positions.margin_used, 0) as margin_used,
        coalesce(positions.long_positions, 0) as long_positions,
        coalesce(positions.short_positions, 0) as short_positions,
        coalesce(positions.unpriced_positions, 0) as unpriced_positions
    from times
    cross join currencies
    left join last_balances on currencies.currency = last_balances.currency
    left join moved
        on times.snapshot_time = moved.snapshot_time and currencies.currency = moved.currency
    left join positions
        on
            times.snapshot_time = positions.snapshot_time
            and currencies.currency = positions.currency
    window history as (partition by currencies.currency order by times.snapshot_time)

)

select
    *,
    cash + market_value + margined_pnl as equity
from final
order by snapshot_time
