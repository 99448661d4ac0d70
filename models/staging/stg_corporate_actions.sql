with

actions as (

    select * from {{ source('raw', 'corporate_actions') }}

),

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

-- A stock dividend of d is a split of 1 + d.
with_ratio as (

    select
        * replace (
            (ratio + case when kind = 'stock_dividend' then 1 else 0 end)::decimal(18, 8) as ratio
        ),
        kind in ('split', 'stock_dividend') as is_split
    from actions

),

counted as (

    select *
    from with_ratio
    qualify
        row_number() over (
            partition by
                exchange, symbol, ex_date, kind, case when kind = 'spin_off' then new_symbol end
            order by {{ source_rank('source') }}, content_hash, batch_id, row_number
        ) = 1

),

final as (

    select
        counted.batch_id,
        counted.exchange,
        counted.symbol,
        counted.ex_date,
        counted.kind,
        counted.is_split,
        counted.ratio,
        counted.new_symbol,
        counted.cash_amount,
        counted.currency,
        counted.cost_share,
        {{ split_shares('counted.ratio') }} as shares,
        -- The instant at which the exchange's day begins.
        {{ to_utc(
            "counted.ex_date - case when exchanges.starts_evening_before then 1 else 0 end"
            ~ " + coalesce(exchanges.day_start, time '00:00')",
            "coalesce(exchanges.timezone, 'UTC')"
        ) }} as effective_at
    from counted
    left join exchanges on counted.exchange = exchanges.exchange

)

select * from final
