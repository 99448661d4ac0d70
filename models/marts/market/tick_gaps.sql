with

runs as (

    select * from {{ ref('int_sequence_runs') }}

),

neighbours as (

    select
        exchange,
        symbol,
        kind,
        first_number,
        first_at,
        lag(last_number) over feed as last_number_before,
        lag(last_at) over feed as last_at_before
    from runs
    window feed as (
        partition by exchange, symbol, kind
        order by first_number
    )

),

final as (

    select
        exchange,
        symbol,
        kind,
        last_number_before + 1 as from_number,
        first_number - 1 as to_number,
        try_cast(
            first_number::{{ whole_number() }} - 1 - last_number_before as bigint
        ) as missing_count,
        last_at_before as gap_starts_at,
        first_at as gap_ends_at
    from neighbours
    where last_number_before is not null

)

select * from final
