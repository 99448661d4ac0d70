{{ config(severity='warn') }}

-- What goes out of one account and comes into another under one transfer_id is the same lot: its
-- instrument, side and quantity, and what both legs tell of its cost and age. A leg alone came from
-- elsewhere, or went there.
with

events as (

    select * from {{ ref('int_order_events') }}
    where transfer is not null and transfer_id is not null

),

fills as (

    select * from {{ ref('int_fills') }}
    where transfer is not null and not is_busted

),

lots as (

    select
        events.transfer_id,
        events.account_id,
        fills.transfer,
        fills.quantity,
        fills.transfer_cost,
        fills.original_time,
        -- A lot is named by its own side, and leaves by the other one.
        concat_ws(
            ' ',
            events.exchange,
            events.symbol,
            if((fills.side = 'buy') = (fills.transfer = 'in'), 'long', 'short')
        ) as lot
    from events
    inner join fills
        on {{ same_key('events', 'fills', ['account_id', 'exchange', 'symbol', 'event_id']) }}

),

legs as (

    select
        transfer_id,
        transfer,
        string_agg(distinct lot, ', ' order by lot) as lot,
        sum(quantity) as quantity,
        if(count(transfer_cost) = count(*), sum(transfer_cost), null) as cost,
        min(original_time) as original_time,
        string_agg(distinct account_id, ', ' order by account_id) as accounts
    from lots
    group by transfer_id, transfer

)

select
    went.transfer_id,
    went.accounts as from_accounts,
    came.accounts as to_accounts,
    concat_ws(
        ', ',
        if(went.lot <> came.lot, 'instrument or side', null),
        if(went.quantity <> came.quantity, 'quantity', null),
        if(went.cost <> came.cost, 'transfer_cost', null),
        if(went.original_time <> came.original_time, 'original_time', null)
    ) as differing
from legs as went
inner join legs as came on went.transfer_id = came.transfer_id
where went.transfer = 'out' and came.transfer = 'in' and differing <> ''
