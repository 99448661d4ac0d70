-- Risk, return and round trips of all accounts together, each with what it is of.
with

basis as (

    select
        *,
        format(
            'of {} days, {} a year, risk-free rate {} %',
            days,
            days_per_year,
            rtrim(rtrim((risk_free_rate * 100)::decimal(10, 4)::varchar, '0'), '.')
        ) as said
    from performance
    where account_id = 'all'

),

trips as (

    select * from trip_performance
    where account_id = 'all'
    order by trips desc, currency

)

select
    'Sharpe ratio' as name,
    sharpe_ratio as value,
    said as note
from basis
union all by name
select
    'Sortino ratio' as name,
    sortino_ratio as value,
    said as note
from basis
union all by name
select
    'Largest drawdown' as name,
    max_drawdown_pct || ' %' as value,
    'of the return index, by day ' || last_day as note
from basis
union all by name
select
    'Win rate, ' || currency as name,
    (win_rate * 100)::decimal(10, 2) || ' %' as value,
    format('{} of {} round trips', won, trips) as note
from trips
union all by name
select
    'Profit factor, ' || currency as name,
    profit_factor as value,
    format(
        '{} won / {} lost',
        gross_profit::decimal(38, 2)::varchar,
        gross_loss::decimal(38, 2)::varchar
    ) as note
from trips
