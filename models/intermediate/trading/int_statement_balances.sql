-- What each account had of a currency at its statements. Cash belongs to the account, whatever the
-- exchange. A movement counts from the first statement at or after it.
with

times as (

    select distinct
        account_id,
        as_of
    from {{ ref('stg_statements') }}

),

-- Without a statement of the account nothing of its history is read. What comes in kind, and what
-- opens a margined position, moves no cash.
ledger as (

    select ledger.*
    from {{ ref('int_ledger') }} as ledger
    semi join times on ledger.account_id = times.account_id
    where ledger.cash is distinct from 0

),

movements as (

    select
        times.account_id,
        times.as_of,
        ledger.currency,
        {{ sum_if_known('ledger.cash') }} as cash,
        min(ledger.moved_at) as first_moved_at
    from ledger
    asof inner join times
        on ledger.account_id = times.account_id and ledger.moved_at <= times.as_of
    group by all

),

currencies as (

    select
        account_id,
        currency,
        min(as_of) as first_as_of
    from movements
    group by all

),

final as (

    select
        currencies.account_id,
        currencies.currency,
        times.as_of,
        movements.first_moved_at,
        -- After a movement that is unknown so is the balance.
        case
            when count(movements.as_of) over history = count(movements.cash) over history
                then sum(movements.cash) over history
        end as balance
    from currencies
    inner join times
        on currencies.account_id = times.account_id and currencies.first_as_of <= times.as_of
    left join movements
        on
            {{ same_key('currencies', 'movements', ['account_id', 'currency']) }}
            and times.as_of = movements.as_of
    window history as (
        partition by currencies.account_id, currencies.currency order by times.as_of
    )

)

select * from final
