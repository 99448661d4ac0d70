{% set days_per_year = var('days_per_year') | int %}
{% set risk_free_rate = var('risk_free_rate') %}

-- Means, deviations and roots of returns are DOUBLE: no decimal holds the root of 252 (see
-- docs/adr/0165).
with

daily_returns as (

    select * from {{ ref('int_daily_returns') }}

),

-- A year of 252 days has no weekends: what they return counts with the Monday after.
counted_days as (

    select
        account_id,
        day,
        daily_return::double as daily_return,
        {% if days_per_year == 365 -%}
            day as counted_on
        {%- else -%}
            day + case isodow(day) when 6 then 2 when 7 then 1 else 0 end as counted_on
        {%- endif %}
    from daily_returns
    where is_of_present_index and daily_return is not null

),

-- A weekend that is not followed by its Monday yet does not count yet.
returns as (

    select
        account_id,
        counted_on,
        product(1 + daily_return) - pow(1 + {{ risk_free_rate }}::double, 1.0 / {{ days_per_year }})
            as excess_return
    from counted_days
    group by account_id, counted_on
    having max(day) = counted_on

),

final as (

    select
        account_id,
        min(counted_on) as first_day,
        count(*) as days,
        try_cast(
            sqrt({{ days_per_year }}) * avg(excess_return) / nullif(stddev_samp(excess_return), 0)
            as decimal(10, 4)
        ) as sharpe_ratio,
        try_cast(
            sqrt({{ days_per_year }}) * avg(excess_return)
            / nullif(sqrt(avg(pow(least(excess_return, 0), 2))), 0)
            as decimal(10, 4)
        ) as sortino_ratio
    from returns
    group by account_id

)

select * from final
