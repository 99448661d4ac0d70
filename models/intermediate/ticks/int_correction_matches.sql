-- Which tick a correction means: the last trade with its id, in trade order, that is not younger
-- than itself, or what the correction before it means. One that came before its tick waits, and so
-- does one that may mean a tick of an archived day.
with recursive

ranked as (

    select * from {{ ref('int_ranked_ticks') }}

),

corrections as (

    select * from {{ ref('stg_tick_corrections') }}

),

waiting_corrections as (

    select * from {{ ref('int_waiting_corrections') }}

),

direct_matches as (

    select
        corrections.batch_id,
        corrections.row_number,
        -- Trades that share an id share its number; of their place in a file nothing is noted.
        max_by(
            ranked.tick_id,
            (
                ranked.timestamp,
                coalesce(ranked.nanoseconds, 0),
                ranked.sequence_number is null,
                coalesce(ranked.sequence_number, 0),
                ranked.content_hash,
                ranked.tick_id
            )
        ) as tick_id
    from corrections
    inner join ranked
        on
            corrections.exchange = ranked.exchange
            and corrections.symbol = ranked.symbol
            and corrections.trade_id = ranked.trade_id
            and corrections.venue is not distinct from ranked.venue
            and corrections.corrected_at >= ranked.timestamp
    anti join waiting_corrections
        on
            corrections.batch_id = waiting_corrections.batch_id
            and corrections.row_number = waiting_corrections.row_number
    where
        ranked.preference = 1
        and ranked.kind = 'trade'
    group by all

),

unmatched as (

    select corrections.*
    from corrections
    left join direct_matches
        on
            corrections.batch_id = direct_matches.batch_id
            and corrections.row_number = direct_matches.row_number
    where direct_matches.tick_id is null

),

-- A correction of a corrected trade names it by the id that the correction before gave it.
predecessors as (

    select
        unmatched.batch_id,
        unmatched.row_number,
        earlier.batch_id as earlier_batch_id,
        earlier.row_number as earlier_row_number
    from unmatched
    inner join corrections as earlier
        on
            unmatched.exchange = earlier.exchange
            and unmatched.symbol = earlier.symbol
            and unmatched.trade_id = earlier.corrected_trade_id
            and unmatched.venue is not distinct from earlier.venue
            and (unmatched.corrected_at, unmatched.content_hash)
            > (earlier.corrected_at, earlier.content_hash)
    qualify
        row_number() over (
            partition by unmatched.batch_id, unmatched.row_number
            order by earlier.corrected_at desc, earlier.content_hash desc
        ) = 1

),

final as (

    select * from direct_matches
    union all
    select
        predecessors.batch_id,
        predecessors.row_number,
        final.tick_id
    from final
    inner join predecessors
        on
            final.batch_id = predecessors.earlier_batch_id
            and final.row_number = predecessors.earlier_row_number

)

select * from final
