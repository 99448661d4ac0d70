-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['snapshot_time', 'account_id', 'currency'],
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}
{% set earned = ['net_flows', 'other_cash', 'carry', 'brought_in', 'realized_pnl'] %}
{% set totals = earned + ['commission', 'fees', 'cash'] %}

-- What each account had of a currency and what its positions were worth, at every snapshot time,
-- continued from the last time before anything changed.
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
            account_id,
            currency,
            0 as flow,
            {{ totals | join(', ') }}
        from {{ this }}
        where snapshot_time = (select continued.since from continued)
    {% endif %}

),

-- Each movement counts from the first snapshot time at or after it. After one that is unknown the
-- balances of its currency are.
moved as (

    select
        times.snapshot_time,
        movements.account_id,
        movements.currency,
        {% for amount in ['flow'] + totals %}
            sum(movements.{{ amount }}) as {{ amount }},
        {% endfor %}
        count(movements.cash) < count(*) as is_unknown
    from movements
    asof inner join times on movements.moved_at <= times.snapshot_time
    group by times.snapshot_time, movements.account_id, movements.currency

),

-- An account has a balance of a currency from its first movement or holding on.
currencies as (

    select
        coalesce(moved.account_id, positions.account_id) as account_id,
        coalesce(moved.currency, positions.currency) as currency,
        least(min(moved.snapshot_time), min(positions.snapshot_time)) as first_at
    from moved
    full join positions
        on {{ same_key('moved', 'positions', ['snapshot_time', 'account_id', 'currency']) }}
    group by all

),

balances as (

    select
        times.snapshot_time,
        times.is_busy,
        currencies.account_id,
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
            and {{ same_key('currencies', 'moved', ['account_id', 'currency']) }}
    left join positions
        on
            times.snapshot_time = positions.snapshot_time
            and {{ same_key('currencies', 'positions', ['account_id', 'currency']) }}
    window history as (
        partition by currencies.account_id, currencies.currency order by times.snapshot_time
    )

),

final as (

    select
        *,
        cash + market_value + margined_pnl as equity
    from balances

)

select * from final
order by snapshot_time
