-- The portfolio at its newest snapshot, in base currency.
with

newest as (

    select *
    from portfolio_snapshots
    order by snapshot_time desc, snapshot_type <> 'live'
    limit 1

),

amounts as (

    select unnest([
        {
            'name': 'Equity',
            'amount': equity,
            'note': strftime(snapshot_time, 'at %Y-%m-%d %H:%M:%S')
        },
        {
            'name': 'P&L of the day',
            'amount': daily_pnl,
            'note': daily_pnl_pct || ' %'
        },
        {
            'name': 'P&L in all',
            'amount': total_pnl,
            'note': total_pnl_pct || ' % by the return index'
        },
        { 'name': 'Unrealised P&L', 'amount': unrealized_pnl, 'note': 'of what is open' },
        { 'name': 'Cash', 'amount': cash_balance, 'note': null },
        { 'name': 'Margin used', 'amount': margin_used, 'note': null }
    ]) as item
    from newest

)

select
    item.name,
    {
        'amount': item.amount,
        'currency': (select currency from performance where account_id = 'all')
    } as value,
    item.note
from amounts
