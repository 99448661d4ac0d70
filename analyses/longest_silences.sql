-- When did a feed say nothing for longest, and did it lose messages meanwhile?
-- Silences between trades of one day (a closed market is no gap), the 20 longest of each symbol,
-- with the numbers that `tick_gaps` knows to be missing inside.
with

ticks as (

    select * from {{ ref('market_ticks') }}

),

gaps as (

    select * from {{ ref('tick_gaps') }}

),

trades as (

    select
        exchange,
        symbol,
        kind,
        timestamp,
        lag(timestamp) over (
            partition by exchange, symbol, kind, timestamp::date
            order by timestamp
        ) as silent_from
    from ticks
    where kind in ('trade', 'agg')

),

silences as (

    select
        exchange,
        symbol,
        kind,
        silent_from,
        timestamp as silent_until,
        timestamp - silent_from as silence
    from trades
    where silent_from is not null
    qualify
        row_number() over (
            partition by exchange, symbol, kind
            order by timestamp - silent_from desc, timestamp
        ) <= 20

),

final as (

    select
        silences.*,
        coalesce(sum(gaps.missing_count), 0)::bigint as missing_messages
    from silences
    left join gaps
        on
            silences.exchange = gaps.exchange
            and silences.symbol = gaps.symbol
            and silences.kind = gaps.kind
            and silences.silent_from <= gaps.gap_starts_at
            and silences.silent_until >= gaps.gap_ends_at
    group by all

)

select * from final
order by exchange asc, symbol asc, silence desc, silent_from asc
