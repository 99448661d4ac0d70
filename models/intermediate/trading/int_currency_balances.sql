-- depends_on: {{ ref('int_portfolio_to_restate') }}
{% set interval = "interval '" ~ var("position_mark_interval") ~ "'" %}
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
        from {{ this }} as balances
        inner join {{ ref('int_portfolio_to_restate') }} as pending
            on balances.snapshot_time < pending.restart_at
    {% else %}
        select timestamp '-infinity' as since
    {% endif %}

),

ledger as {{ not_materialized() }} (

    select * from {{ ref('int_ledger') }}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}
    where snapshot_time > (select continued.since from continued)

),

valuations as (

    select * from {{ ref('int_position_valuations') }}
    where snapshot_time > (select continued.since from continued)

),

margin_rates as (

    select * from {{ ref('stg_margin_rates') }}

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

busy_intervals as (

    select
        time_bucket({{ interval }}, moved_at - interval 1 microsecond) + {{ interval }}
            as snapshot_time
    from ledger
    where moved_at > (select continued.since - {{ interval }} from continued)

    union

    select snapshot_time
    from valuations
    where quantity <> 0

),

-- While nothing is held and nothing moves, every interval would say the same: the day's end does.
times as (

    select
        snapshot_times.snapshot_time,
        bool_or(busy_intervals.snapshot_time is not null) as is_busy
    from snapshot_times
    left join busy_intervals on snapshot_times.snapshot_time = busy_intervals.snapshot_time
    where
        snapshot_times.snapshot_type <> 'intraday'
        or busy_intervals.snapshot_time is not null
    group by snapshot_times.snapshot_time

),

movements as (

    select
        moved_at,
        currency,
        sum(flow) as flow,
        sum(other_cash) as other_cash,
        sum(realized_pnl) as realized_pnl,
        sum(commission) as commission,
        sum(fees) as fees,
        sum(cash) as cash
    from ledger
    where moved_at > (select continued.since from continued)
    group by moved_at, currency

),

-- Each movement counts from the first snapshot time at or after it.
moved as (

    select
        times.snapshot_time,
        movements.currency,
        sum(movements.flow) as flow,
        sum(movements.other_cash) as other_cash,
        sum(movements.realized_pnl) as realized_pnl,
        sum(movements.commission) as commission,
        sum(movements.fees) as fees,
        sum(movements.cash) as cash
    from movements
    asof inner join times
        on movements.moved_at <= times.snapshot_time
    group by times.snapshot_time, movements.currency

),

positions as (

    select
        valuations.snapshot_time,
        valuations.quote_currency as currency,
        sum(
            if(valuations.margined, 0, coalesce(valuations.market_value, valuations.cost_basis))
        ) as market_value,
        sum(
            coalesce(valuations.market_value - valuations.cost_basis, 0)
        ) as unrealized_pnl,
        sum(
            if(
                valuations.margined,
                coalesce(valuations.market_value - valuations.cost_basis, 0),
                0
            )
        ) as margined_pnl,
        sum(abs(coalesce(valuations.market_value, valuations.cost_basis))) as gross_notional,
        sum(
            abs(coalesce(valuations.market_value, valuations.cost_basis))::decimal(38, 16)
            * coalesce(margin_rates.margin_rate, 1)
        ) as margin_used,
        count_if(valuations.quantity > 0) as long_positions,
        count_if(valuations.quantity < 0) as short_positions,
        count_if(valuations.current_price is null) as unpriced_positions
    from valuations
    semi join times on valuations.snapshot_time = times.snapshot_time
    left join margin_rates on valuations.asset_class = margin_rates.asset_class
    where valuations.quantity <> 0
    group by valuations.snapshot_time, valuations.quote_currency

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
