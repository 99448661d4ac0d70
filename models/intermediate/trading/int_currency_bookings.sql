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
{% set key = ['account_id', 'currency'] %}
{% set parts = [
    'flow', 'other_cash', 'carry', 'brought_in', 'realized_pnl', 'commission', 'fees'
] %}

-- What each account's ledger in another currency came to so far in base currency, every movement at
-- the rate of its own time; NULL after one without a rate. Continued from the last time before
-- anything changed.
with

continued as (

    {% if is_incremental() %}
        select coalesce(max(bookings.snapshot_time), timestamp '-infinity') as since
        from {{ ref('int_portfolio_to_restate') }} as pending
        left join {{ this }} as bookings on bookings.snapshot_time < pending.restart_at
        group by pending.restart_at
    {% else %}
        select timestamp '-infinity' as since
    {% endif %}

),

times as (

    select snapshot_time from {{ ref('int_balance_times') }}
    where snapshot_time > (select continued.since from continued)

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

rates as (

    select * from {{ ref('int_currency_rates') }}

),

foreign_movements as (

    select
        ledger.*,
        coalesce(pegs.pegged_to, ledger.currency) as from_currency,
        coalesce(base_pegs.pegged_to, {{ base }}) as to_currency
    from {{ ref('int_ledger') }} as ledger
    left join pegs on ledger.currency = pegs.currency
    left join pegs as base_pegs on base_pegs.currency = {{ base }}
    where
        ledger.moved_at > (select continued.since from continued)
        and from_currency <> to_currency

),

-- What was there when it is continued comes in as one movement.
movements as (

    select
        movements.account_id,
        movements.currency,
        {% for part in parts %}
            if(
                movements.{{ part }} = 0, 0, {{ convert('movements.' ~ part, 'rates.rate') }}
            )::decimal(38, 16) as {{ part }},
        {% endfor %}
        movements.moved_at
    from foreign_movements as movements
    asof left join rates
        on
            {{ same_key('movements', 'rates', ['from_currency', 'to_currency']) }}
            and movements.moved_at >= rates.known_at
    {% if is_incremental() %}
        union all by name
        select * rename (snapshot_time as moved_at)
        from {{ this }}
        where snapshot_time = (select continued.since from continued)
    {% endif %}

),

moved as (

    select
        times.snapshot_time,
        movements.account_id,
        {% for part in parts %}
            {{ sum_if_known('movements.' ~ part) }} as {{ part }},
        {% endfor %}
        movements.currency
    from movements
    asof inner join times on movements.moved_at <= times.snapshot_time
    group by times.snapshot_time, movements.account_id, movements.currency

),

currencies as (

    select
        account_id,
        currency,
        min(snapshot_time) as first_at
    from moved
    group by account_id, currency

),

final as (

    select
        times.snapshot_time,
        currencies.account_id,
        {% for part in parts %}
            case
                when count(moved.{{ part }}) over history = count(moved.snapshot_time) over history
                    then sum(moved.{{ part }}) over history
            end::decimal(38, 16) as {{ part }},
        {% endfor %}
        currencies.currency
    from times
    inner join currencies on times.snapshot_time >= currencies.first_at
    left join moved
        on
            times.snapshot_time = moved.snapshot_time
            and {{ same_key('currencies', 'moved', key) }}
    window history as (
        partition by currencies.account_id, currencies.currency order by times.snapshot_time
    )

)

select * from final
order by snapshot_time
