-- What makes a price that was known before it another one: it is multiplied by old shares and
-- divided by new ones. A spin-off leaves of the price what it leaves of the cost.
{% set left_of_cost = '(100000000 - ' ~ scaled('cost_share') ~ ')' %}
with

actions as (

    select * from {{ ref('int_corporate_actions') }}
    where fault is null

),

final as (

    select
        exchange,
        symbol,
        effective_at,
        action_order,
        struct_extract(shares, 'new_shares') as new_shares,
        struct_extract(shares, 'old_shares') as old_shares
    from actions
    where is_split
    union all
    select
        exchange,
        symbol,
        effective_at,
        action_order,
        100000000 // gcd(100000000, {{ left_of_cost }}) as new_shares,
        {{ left_of_cost }} // gcd(100000000, {{ left_of_cost }}) as old_shares
    from actions
    where kind = 'spin_off'

)

select * from final
