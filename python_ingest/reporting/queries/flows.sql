-- Deposits, withdrawals and transfers of cash, the newest first.
select
    epoch(event_time)::bigint as second,
    event_time as booked_at,
    kind,
    { 'amount': amount, 'currency': currency } as amount,
    account_id as account
from cash_events
where part = 'flow'
order by event_time desc, account_id, event_id
