-- Of each account and exchange the newest statement: what differs, or one row that says that nothing
-- does.
with

newest as (

    select * from reconciliation
    qualify as_of = max(as_of) over (partition by account_id, exchange)

),

rows as (

    select
        newest.account_id as account,
        coalesce(newest.symbol, newest.currency) as item,
        newest.status,
        newest.our_quantity as ours,
        newest.their_quantity as theirs,
        newest.quantity_difference as difference,
        { 'amount': newest.cost_difference, 'currency': terms.settle_currency } as cost_difference,
        {
            'amount': newest.market_value_difference, 'currency': terms.settle_currency
        } as value_difference,
        newest.exchange,
        newest.as_of,
        newest.last_agreement_at as last_agreement,
        newest.first_fill_at as first_fill
    from newest
    left join instrument_terms as terms
        on newest.exchange = terms.exchange and newest.symbol = terms.symbol
    where newest.status <> 'agrees'

    union all by name

    select
        account_id as account,
        count(*) || ' of ' || count(*) as item,
        'agrees' as status,
        exchange,
        as_of
    from newest
    group by account_id, exchange, as_of
    having bool_and(status = 'agrees')

)

select * from rows
order by account, exchange, status = 'agrees', item
