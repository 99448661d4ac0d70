-- A line a year: what each month returned and all of them together, in percent.
select
    year(month) as year,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 1) as jan_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 2) as feb_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 3) as mar_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 4) as apr_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 5) as may_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 6) as jun_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 7) as jul_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 8) as aug_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 9) as sep_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 10) as oct_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 11) as nov_pct,
    any_value(return_pct::decimal(10, 2)) filter (where month(month) = 12) as dec_pct,
    case
        when count(return_pct) = count(*)
            then try_cast(
                100 * (product(1 + return_pct::double / 100) - 1) as decimal(10, 2)
            )
    end as year_in_all_pct,
    { 'amount': sum(net_pnl), 'currency': any_value(currency) } as net_pnl
from monthly_returns
where account_id = 'all'
group by year(month)
order by year desc
