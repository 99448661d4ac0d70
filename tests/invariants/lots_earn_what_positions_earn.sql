-- By whatever method lots are closed: what a position realised and what its lots cost differ by
-- the same amount as in `positions`, so realised and unrealised together are the same at every
-- mark. By the average, each is the same. What goes out in kind takes lots at their own cost, which
-- the average does not, and so does what goes to another symbol: from then on only the average is
-- compared.
with

changes as (

    select changes.*
    from {{ ref('int_lot_changes') }} as changes
    qualify
        row_number() over (
            partition by
                changes.account_id,
                changes.exchange,
                changes.symbol,
                changes.strategy_id,
                changes.position_side,
                changes.event_number
            order by changes.part desc
        ) = 1

),

accounts as (

    select * from {{ ref('stg_accounts') }}

),

folds as (

    select * from {{ ref('int_position_folds') }}

),

went_out as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        min(event_number) as event_number
    from {{ ref('int_position_states') }}
    where transfer = 'out' or action <> 'cash_in_lieu'
    group by account_id, exchange, symbol, strategy_id, position_side

)

select
    folds.account_id,
    folds.exchange,
    folds.symbol,
    folds.strategy_id,
    folds.position_side,
    folds.event_number,
    changes.realized_pnl as of_lots,
    folds.realized_pnl,
    changes.position_cost as cost_of_lots,
    folds.cost_basis
from changes
inner join accounts on changes.account_id = accounts.account_id
left join folds
    on
        changes.account_id = folds.account_id
        and changes.exchange = folds.exchange
        and changes.symbol = folds.symbol
        and changes.strategy_id = folds.strategy_id
        and changes.position_side = folds.position_side
        and changes.event_number = folds.event_number
left join went_out
    on
        changes.account_id = went_out.account_id
        and changes.exchange = went_out.exchange
        and changes.symbol = went_out.symbol
        and changes.strategy_id = went_out.strategy_id
        and changes.position_side = went_out.position_side
        and changes.event_number >= went_out.event_number
where
    folds.event_number is null
    or (
        went_out.event_number is null
        and changes.realized_pnl - changes.position_cost <> folds.realized_pnl - folds.cost_basis
    )
    or accounts.lot_method = 'average' and changes.position_cost <> folds.cost_basis
