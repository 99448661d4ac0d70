-- What our books say of every symbol and currency that an account ever had, at each statement, and
-- what changed it first since the statement before.
{% set now = 'states.as_of = statements.as_of' %}
with

statements as (

    select
        account_id,
        as_of,
        exchange,
        coalesce(
            lag(as_of) over (partition by account_id, exchange order by as_of),
            timestamp '-infinity'
        ) as previous_as_of
    from {{ ref('stg_statements') }}
    group by account_id, as_of, exchange

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

states as (

    select
        states.*,
        states.state.quantity, -- noqa: RF01
        {{ in_money('states.state.cost_basis', 'instruments.multiplier') }} as cost, -- noqa: RF01
        -- A valuation that waits for archived days says nothing of today's quantity.
        case
            when states.valuation.quantity = states.state.quantity -- noqa: RF01
                then states.valuation.market_value -- noqa: RF01
        end as market_value,
        instruments.settle_currency as quote_currency
    from {{ ref('int_statement_states') }} as states
    inner join instruments on {{ same_key('states', 'instruments', ['exchange', 'symbol']) }}

),

balances as (

    select * from {{ ref('int_statement_balances') }}

),

final as (

    select
        statements.account_id,
        statements.as_of,
        statements.exchange,
        states.symbol,
        null::varchar as currency,
        {{ sum_if_known('states.quantity', now) }} as quantity,
        -- Of several currencies there is no sum.
        case
            when count(distinct states.quote_currency) = 1
                then {{ sum_if_known('states.cost', now) }}
        end as cost,
        case
            when count(distinct states.quote_currency) = 1
                then {{ sum_if_known('states.market_value', now) }}
        end as market_value,
        min(states.first_fill) as first_fill
    from statements
    inner join states
        on
            statements.account_id = states.account_id
            and statements.previous_as_of < states.as_of
            and statements.as_of >= states.as_of
            and coalesce(statements.exchange, states.exchange) = states.exchange
    group by statements.account_id, statements.as_of, statements.exchange, states.symbol

    union all

    select
        statements.account_id,
        statements.as_of,
        statements.exchange,
        null as symbol,
        balances.currency,
        {{ sum_if_known('balances.balance', 'balances.as_of = statements.as_of') }} as quantity,
        null as cost,
        null as market_value,
        case
            when min(balances.first_moved_at) is not null
                then { 'at': min(balances.first_moved_at), 'order_id': null, 'trade_id': null }
        end as first_fill
    from statements
    inner join balances
        on
            statements.account_id = balances.account_id
            and statements.previous_as_of < balances.as_of
            and statements.as_of >= balances.as_of
    group by statements.account_id, statements.as_of, statements.exchange, balances.currency

)

select * from final
