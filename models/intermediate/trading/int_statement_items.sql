-- Both sides of every item at every statement of its account: where neither has it, both are zero.
with

theirs as (

    select * from {{ ref('stg_statements') }}

),

ours as (

    select * from {{ ref('int_statement_books') }}

),

statements as (

    select distinct
        account_id,
        as_of,
        exchange
    from theirs

),

all_items as (

    {% for side in ['theirs', 'ours'] %}
        select
            account_id,
            exchange,
            symbol,
            currency
        from {{ side }}
        {{ 'union' if not loop.last }}
    {% endfor %}

),

both_sides as (

    select
        account_id,
        as_of,
        exchange,
        symbol,
        currency,
        quantity as their_quantity,
        cost as their_cost,
        market_value as their_market_value,
        true as is_listed
    from theirs

    union all by name

    select
        account_id,
        as_of,
        exchange,
        symbol,
        currency,
        {{ rounded('quantity', 10) }} as our_quantity,
        -- Of a short position a broker says what it brought in.
        {{ rounded('abs(cost)', 8) }} as our_cost,
        {{ rounded('market_value', 8) }} as our_market_value,
        first_fill,
        true as is_ours
    from ours

    union all by name

    select
        items.account_id,
        statements.as_of,
        items.exchange,
        items.symbol,
        items.currency
    from all_items as items
    inner join statements
        on
            items.account_id = statements.account_id
            and items.exchange is not distinct from statements.exchange

),

items as (

    select
        account_id,
        as_of,
        exchange,
        symbol,
        currency,
        min(first_fill) as first_fill,
        {% for amount in ['quantity', 'cost', 'market_value'] %}
            case when count(is_ours) = 0 then 0 else max(our_{{ amount }}) end as our_{{ amount }},
            case when count(is_listed) = 0 then 0 else max(their_{{ amount }}) end
                as their_{{ amount }},
        {% endfor %}
        count(is_listed) > 0 as is_listed,
        max(count(is_listed)) filter (where symbol is not null) over (
            partition by account_id, as_of, exchange
        ) > 0 as lists_symbols,
        max(count(is_listed)) filter (where symbol is not null) over (
            partition by account_id, as_of
        ) > 0 as some_exchange_lists_symbols
    from both_sides
    group by account_id, as_of, exchange, symbol, currency

),

final as (

    select
        * exclude (lists_symbols, some_exchange_lists_symbols),
        our_quantity - their_quantity as quantity_difference,
        our_cost - abs(their_cost) as cost_difference,
        our_market_value - their_market_value as market_value_difference,
        is_listed
        -- Cash belongs to the account: an exchange's statement that lists no balance says nothing
        -- of it.
        or symbol is null and exchange is null
        -- Positions by exchange with balances beside them say nothing of positions over all
        -- exchanges.
        or symbol is not null and (
            exchange is not null
            or coalesce(lists_symbols, false)
            or not coalesce(some_exchange_lists_symbols, false)
        ) as is_told
    from items

)

select * from final
