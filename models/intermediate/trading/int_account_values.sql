-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['snapshot_time', 'account_id'],
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}

-- What each account was worth in base currency at every snapshot time, exact, before rounding. What
-- has flowed of a currency so far is a flow when it begins to be counted, and when it ceases to be.
{% set base = "'" ~ var('base_currency') ~ "'" %}
{% set summed = [
    'other_cash', 'carry', 'realized_pnl', 'commission', 'fees', 'cash', 'market_value',
    'unrealized_pnl', 'gross_notional', 'margin_used', 'equity'
] %}
{% set amounts = ['flow', 'net_flows'] + summed %}
{% set counts = ['long_positions', 'short_positions', 'unpriced_positions'] %}

with

-- From the last time before anything changed on: what was counted then.
balances as (

    select * from {{ ref('int_currency_balances') }}
    {% if is_incremental() %}
        where snapshot_time >= (
            select coalesce(max(former.snapshot_time), timestamp '-infinity')
            from {{ ref('int_currency_balances') }} as former
            inner join {{ ref('int_portfolio_to_restate') }} as pending
                on former.snapshot_time < pending.restart_at
        )
    {% endif %}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

in_currency as (

    select
        balances.*,
        coalesce(pegs.pegged_to, balances.currency) as from_currency,
        coalesce(base_pegs.pegged_to, {{ base }}) as to_currency
    from balances
    left join pegs on balances.currency = pegs.currency
    left join pegs as base_pegs on base_pegs.currency = {{ base }}

),

needed_rates as (

    select rates.*
    from {{ ref('int_currency_rates') }} as rates
    semi join in_currency
        on {{ same_key('rates', 'in_currency', ['from_currency', 'to_currency']) }}

),

with_rate as (

    select
        in_currency.*,
        if(
            in_currency.from_currency = in_currency.to_currency, 1, needed_rates.rate
        )::decimal(38, 16) as rate
    from in_currency
    asof left join needed_rates
        on
            {{ same_key('in_currency', 'needed_rates', ['from_currency', 'to_currency']) }}
            and in_currency.snapshot_time >= needed_rates.known_at

),

-- What has no rate, is unknown or has no room is left out as a whole, and named.
in_base as (

    select
        *,
        {% for amount in amounts %}
            {{ convert(amount, 'rate') }} as {{ amount }}_in_base,
        {% endfor %}
        {% for amount in amounts %}
            {{ amount }}_in_base is not null {{ 'and' if not loop.last }}
        {% endfor %} as is_converted,
        coalesce(
            {% for amount in amounts %}
                {{ amount }} = 0 {{ 'and' if not loop.last }}
            {% endfor %}, false
        ) as is_nothing
    from with_rate

),

with_flows as (

    select
        *,
        case
            when is_converted and lag(is_converted) over history then flow_in_base
            when is_converted then net_flows_in_base
            when lag(is_converted) over history then -lag(net_flows_in_base) over history
        end as counted_flow
    from in_base
    window history as (partition by account_id, currency order by snapshot_time)

),

accounts as (

    select
        snapshot_time,
        account_id,
        bool_or(is_busy) as is_busy,
        coalesce(sum(counted_flow), 0)::decimal(38, 16) as flow,
        {% for amount in summed %}
            coalesce(
                sum({{ amount }}_in_base) filter (where is_converted), 0
            )::decimal(38, 16) as {{ amount }},
        {% endfor %}
        {% for number in counts %}
            sum({{ number }})::integer as {{ number }},
        {% endfor %}
        coalesce(
            list(currency order by currency)
            filter (where not is_converted and not is_nothing), []
        ) as unconverted_currencies
    from with_flows
    {% if is_incremental() %}
        where snapshot_time >= (select restart_at from {{ ref('int_portfolio_to_restate') }})
    {% endif %}
    group by snapshot_time, account_id

),

final as (

    select
        *,
        greatest(0, equity - margin_used) as buying_power
    from accounts

)

select * from final
