-- Each fill that counts has one state and one trade, what comes or goes in kind one state and no
-- trade, and nothing else has one.
with

fills as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id,
        transfer is null and {{ is_not_archived('trades', 'executed_at') }} as is_there
    from {{ ref('int_position_fills') }}

),

trades as (

    select * from {{ ref('trades') }}
    where {{ is_not_archived('trades', 'executed_at') }}

),

fills_there as (

    select * from fills
    where is_there

),

states as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id
    from {{ ref('int_position_states') }}
    where not is_split and action is null

),

in_both as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id
    from fills
    intersect
    select * from states

),

counts as (

    select
        (select count(*) from fills) as fills,
        (select count(*) from fills_there) as fills_there,
        (select count(*) from states) as states,
        (select count(*) from trades) as trades,
        (select count(*) from in_both) as in_both

)

select *
from counts
where fills <> states or fills_there <> trades or fills <> in_both
