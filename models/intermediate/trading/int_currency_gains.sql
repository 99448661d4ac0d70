-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['snapshot_time', 'account_id', 'currency'],
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}
{% set base = "'" ~ var('base_currency') ~ "'" %}
{% set balance = ['snapshot_time', 'account_id', 'currency'] %}
{% set earned = ['other_cash', 'carry', 'realized_pnl'] %}
{% set spent = ['commission', 'fees', 'brought_in'] %}

-- What each account has of a currency, in base currency, by what it came from. Each amount counts
-- at the rate of its own time; what the rate did to it since is the currency gain.
with

balances as (

    select
        balances.*,
        coalesce(pegs.pegged_to, balances.currency) as from_currency,
        coalesce(base_pegs.pegged_to, {{ base }}) as to_currency
    from {{ ref('int_currency_balances') }} as balances
    left join {{ ref('stg_currency_pegs') }} as pegs on balances.currency = pegs.currency
    left join {{ ref('stg_currency_pegs') }} as base_pegs on base_pegs.currency = {{ base }}
    {% if is_incremental() %}
        where
            balances.snapshot_time
            >= (select restart_at from {{ ref('int_portfolio_to_restate') }})
    {% endif %}

),

bookings as (

    select * from {{ ref('int_currency_bookings') }}

),

rates as (

    select * from {{ ref('int_currency_rates') }}

),

with_rate as (

    select
        balances.*,
        balances.from_currency = balances.to_currency as is_base,
        if(balances.from_currency = balances.to_currency, 1, rates.rate)::decimal(38, 16) as rate
    from balances
    asof left join rates
        on
            {{ same_key('balances', 'rates', ['from_currency', 'to_currency']) }}
            and balances.snapshot_time >= rates.known_at

),

booked as (

    select
        with_rate.snapshot_time,
        with_rate.account_id,
        with_rate.currency,
        with_rate.rate,
        with_rate.is_base,
        -- Before its first movement only a position of it is held.
        case
            when with_rate.is_base then with_rate.net_flows
            when bookings.snapshot_time is null then 0
            else bookings.flow
        end as net_flows,
        {% for part in earned + spent %}
            case
                when with_rate.is_base then with_rate.{{ part }}
                when bookings.snapshot_time is null then 0
                else bookings.{{ part }}
            end as {{ part }},
        {% endfor %}
        {{ convert('with_rate.unrealized_pnl', 'with_rate.rate') }} as unrealized_pnl,
        {{ convert(
            '(with_rate.net_flows + with_rate.' ~ (earned | join(' + with_rate.'))
            ~ ' - with_rate.' ~ (spent | join(' - with_rate.')) ~ ')',
            'with_rate.rate'
        ) }} as ledger_now
    from with_rate
    left join bookings on {{ same_key('with_rate', 'bookings', balance) }}

),

final as (

    select
        * exclude (ledger_now, is_base),
        if(
            is_base,
            0,
            ledger_now - (
                net_flows + {{ earned | join(' + ') }} - {{ spent | join(' - ') }}
            )
        )::decimal(38, 16) as currency_gain
    from booked

)

select * from final
order by snapshot_time
