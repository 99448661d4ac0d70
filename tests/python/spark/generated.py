"""Ticks made to differ where two engines may: ties, gaps, clock changes, huge and tiny numbers."""

TICKS = 2_000_000

# i // 50 and i // a twentieth choose symbol and day, so that neighbours share them: those of one
# trade_id conflict, and times of whole milliseconds tie. 10 March and 3 November 2024 have 23 and
# 25 hours in New York and Chicago. NZDUSD has quotes only. Few symbols go on into July: each
# empty minute between becomes a filled bar.
SQL = """
with
numbered as (
    select
        i,
        hash(i, {seed}) as h,
        ['binance', 'alpaca', 'nyse', 'cme', 'fx17', 'fxcm', 'otc'][1 + i % 7] as exchange,
        'S' || i // 50 % 4 as letter,
        ['2024-03-08', '2024-03-09', '2024-03-10', '2024-03-11', '2024-07-03', '2024-11-02',
         '2024-11-03', '2024-11-04'][1 + i // {stretch} % 8]::date as date
    from range({first}, {last}) as t (i)
),
timed as (
    select *, date + to_milliseconds((h % 86400000)::bigint) as timestamp,
        case when exchange = 'fxcm' then 'quote'
            when exchange = 'binance' and letter = 'S3' and date > '2024-06-01' and h % 2 = 0
                then 'agg'
            else 'trade' end as kind
    from numbered
)
select
    exchange,
    case
        when exchange = 'fxcm' then 'NZDUSD'
        when exchange = 'otc' or date < '2024-06-01' then letter
        else letter || 'W'
    end as symbol,
    timestamp,
    kind,
    case when exchange = 'nyse' and h % 5 = 0 then 'N' end as venue,
    case when kind = 'quote' then 0.61 + (h % 1000)::decimal(18, 8) / 100000 end as bid_price,
    case when kind = 'quote' then 0.62 + (h % 1000)::decimal(18, 8) / 100000 end as ask_price,
    case
        when kind = 'quote' then null
        when h % 100003 = 0 then 9999999999.99999999
        when h % 50021 = 0 then 0.00000001
        when h % 50023 = 0 then -37.63000001
        when h % 50033 = 0 then 0
        else (100 + (h >> 8) % 1000000 * 0.00000001 + (h >> 30) % 50)
    end::decimal(18, 8) as last_price,
    case
        when kind = 'quote' or h % 9973 = 0 then null
        when h % 40009 = 0 then 9999999999.99999999
        when h % 7 = 0 then 0.00000001
        when h % 9967 = 0 then 0
        else (1 + (h >> 12) % 100000) * 0.00001
    end::decimal(18, 8) as last_size,
    case when h % 3 > 0 then i // 7 when h % 3001 = 0 then i // 7 + 274877906944 end::bigint
        as sequence_number,
    case
        when kind = 'quote' or h % 11 = 0 then null
        when h % 997 = 0 then (i - 7)::varchar
        when h % 13 = 0 then 'x' || i
        when h % 17 = 0 then '00' || i
        when h % 1009 = 0 then '1_0' || i
        else i::varchar
    end as trade_id,
    case
        when exchange not in ('alpaca', 'nyse') or h % 4 > 0 then null
        else [['@'], ['@', 'I'], ['@', 'T'], ['Z'], ['O'], ['6'], [], ['W', '?']]
            [1 + (h >> 5)::bigint % 8]
    end as conditions,
    case when exchange in ('alpaca', 'nyse') then ['A', 'B', 'C'][1 + i % 3] end as tape,
    case when h % 19 = 0 then 'rest' else 'websocket' end as source
from timed
"""


def ticks(first: int, last: int, seed: int = 1) -> str:
    """Return SQL for the ticks numbered first to last - 1."""
    return SQL.format(first=first, last=last, seed=seed, stretch=TICKS // 20)
