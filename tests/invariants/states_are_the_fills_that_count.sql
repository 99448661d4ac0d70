-- Each fill that counts has one state and one trade, and nothing else has one.
with

fills as (

    select
        exchange,
        symbol,
        order_id,
        fill_id
    from {{ ref('int_position_fills') }}

),

states as (

    select
        exchange,
        symbol,
        order_id,
        fill_id
    from {{ ref('int_position_states') }}
    where not is_split

),

in_both as (

    select * from fills
    intersect
    select * from states

),

counts as (

    select
        (select count(*) from fills) as fills,
        (select count(*) from states) as states,
        (select count(*) from {{ ref('trades') }}) as trades,
        (select count(*) from in_both) as in_both

)

select *
from counts
where fills <> states or fills <> trades or fills <> in_both
