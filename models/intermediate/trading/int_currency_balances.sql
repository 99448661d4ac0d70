-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['snapshot_time', 'currency'],
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}
{% set totals = ['net_flows', 'other_cash', 'realized_pnl', 'commission', 'fees', 'cash'] %}

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

times as (

    select * from {{ ref('int_balance_times') }}
    where snapshot_time > (select continued.since from continued)

),

positions as (

    select * from {{ ref('int_currency_positions') }}
    where snapshot_time > (select continued.since from continued)

),

-- What was there when it is continued comes in as one movement.
movements as (

    select
        *,
        flow as net_flows
    from {{ ref('int_ledger') }}
    where moved_at > (select continued.since from continued)
    {% if is_incremental() %}
        union all by name
        select
            snapshot_time as moved_at,
            currency,
            0 as flow,
            net_flows,
            other_cash,
            realized_pnl,
            commission,
            fees,
            cash
        from {{ this }}
        where snapshot_time = (select continued.since from continued)
    {% endif %}

),

-- Each movement counts from the first snapshot time at or after it. After one that is unknown the
-- balances of its currency are.
moved as (

    select
        times.snapshot_time,
        movements.currency,
        {% for amount in ['flow'] + totals %}
            sum(movements.{{ amount }}) as {{ amount }},
        {% endfor %}
        count(movements.cash) < count(*) as is_unknown
    from movements
    asof inner join times on movements.moved_at <= times.snapshot_time
    group by times.snapshot_time, movements.currency

),

-- A currency has a balance from its first movement or holding on.
currencies as (

    select
        currency,
        min(snapshot_time) as first_at
    from (
        select
            currency,
            snapshot_time
        from moved
        union all
        select
            currency,
            snapshot_time
        from positions
    ) as balances
    group by currency

),

balances as (

    select
        times.snapshot_time,
        times.is_busy,
        currencies.currency,
        {% for total in totals %}
            case
                when bool_or(moved.is_unknown) over history then null
                else coalesce(sum(moved.{{ total }}) over history, 0)
            end as {{ total }},
        {% endfor %}
        {% for held in [
            'market_value', 'unrealized_pnl', 'margined_pnl', 'gross_notional', 'margin_used',
            'long_positions', 'short_positions', 'unpriced_positions'
        ] %}
            coalesce(positions.{{ held }}, 0) as {{ held }},
        {% endfor %}
        coalesce(moved.flow, 0) as flow
    from times
    inner join currencies on times.snapshot_time >= currencies.first_at
    left join moved
        on
            times.snapshot_time = moved.snapshot_time
            and currencies.currency = moved.currency
    left join positions
        on
            times.snapshot_time = positions.snapshot_time
            and currencies.currency = positions.currency
    window history as (partition by currencies.currency order by times.snapshot_time)

),

final as (

    select
        *,
        cash + market_value + margined_pnl as equity
    from balances

)

select * from final
order by snapshot_time
