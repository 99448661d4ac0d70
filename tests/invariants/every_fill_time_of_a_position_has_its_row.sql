-- A position has a row at each time at which it was filled, so one at least when it has fills; and
-- no row says that it was filled when it was not.
with

fill_times as (

    select distinct
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        executed_at as snapshot_time
    from {{ ref('int_position_fills') }}
    where {{ is_not_archived('positions', 'executed_at') }}

),

positions as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        snapshot_time
    from {{ ref('positions') }}
    where is_fill and {{ is_not_archived('positions', 'snapshot_time') }}

),

without_a_row as (

    select * from fill_times
    except all
    select * from positions

),

without_a_fill as (

    select * from positions
    except all
    select * from fill_times

),

final as (

    select
        *,
        'without a row' as fault
    from without_a_row
    union all
    select
        *,
        'without a fill' as fault
    from without_a_fill

)

select * from final
