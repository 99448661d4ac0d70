-- Which tick a correction means: the last trade with its id, in trade order, that is not younger
-- than itself; or what the correction before it means, where that gave a trade this id later than
-- any had it. One that came before its tick waits, and so does one that may mean a tick of an
-- archived day.
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
        max(ranked.timestamp) as matched_at,
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
    inner join ranked on {{ may_mean('corrections', 'ranked') }}
    anti join waiting_corrections
        on
            corrections.batch_id = waiting_corrections.batch_id
            and corrections.row_number = waiting_corrections.row_number
    where
        ranked.preference = 1
        and ranked.kind = 'trade'
    group by all

),

-- A correction of a corrected trade names it by the id that the correction before gave it.
predecessors as (

    select
        corrections.batch_id,
        corrections.row_number,
        earlier.batch_id as earlier_batch_id,
        earlier.row_number as earlier_row_number
    from corrections
    inner join corrections as earlier
        on
            corrections.exchange = earlier.exchange
            and corrections.symbol = earlier.symbol
            and corrections.trade_id = earlier.corrected_trade_id
            and corrections.venue is not distinct from earlier.venue
            and (corrections.corrected_at, corrections.content_hash)
            > (earlier.corrected_at, earlier.content_hash)
    left join direct_matches
        on
            corrections.batch_id = direct_matches.batch_id
            and corrections.row_number = direct_matches.row_number
    where coalesce(earlier.corrected_at > direct_matches.matched_at, true)
    qualify
        row_number() over (
            partition by corrections.batch_id, corrections.row_number
            order by earlier.corrected_at desc, earlier.content_hash desc
        ) = 1

),

final as (

    select
        direct_matches.batch_id,
        direct_matches.row_number,
        direct_matches.tick_id
    from direct_matches
    anti join predecessors
        on
            direct_matches.batch_id = predecessors.batch_id
            and direct_matches.row_number = predecessors.row_number
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
