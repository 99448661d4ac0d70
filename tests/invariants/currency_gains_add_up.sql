-- In every account, before a mart rounds: what it earned, paid and brought in, each at the rate of
-- its time, and what currencies gained since come to its equity. 1e-14 is what conversions of parts
-- instead of their sum may differ by.
with

gains as (

    select
        snapshot_time,
        account_id,
        {{ sum_if_known(
            'net_flows + other_cash + carry + realized_pnl + unrealized_pnl - commission - fees'
            ~ ' - brought_in + currency_gain'
        ) }} as accounted
    from {{ ref('int_currency_gains') }}
    group by snapshot_time, account_id

),

accounts as (

    select * from {{ ref('int_account_values') }}
    where len(unconverted_currencies) = 0

)

select
    accounts.snapshot_time,
    accounts.account_id,
    accounts.equity,
    gains.accounted
from accounts
inner join gains
    on accounts.snapshot_time = gains.snapshot_time and accounts.account_id = gains.account_id
where abs(accounts.equity - gains.accounted) > 0.00000000000001
