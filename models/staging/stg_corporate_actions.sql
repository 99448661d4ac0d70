with

actions as (

    select * from {{ source('raw', 'corporate_actions') }}

),

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

counted as (

    select *
    from actions
    qualify
        row_number() over (
            partition by exchange, symbol, ex_date, kind
            order by
                case when source in ('rest', 'backfill') then 0 else 1 end,
                content_hash, batch_id, row_number
        ) = 1

),

final as (

    select
        counted.batch_id,
        counted.exchange,
        counted.symbol,
        counted.ex_date,
        counted.kind,
        counted.ratio,
        -- The instant at which the exchange's day begins; one that starts after noon began the day
        -- before.
        {{ to_utc(
            "counted.ex_date + coalesce(exchanges.day_start, time '00:00')"
            ~ " - case when exchanges.day_start >= time '12:00' then interval 1 day"
            ~ " else interval 0 day end",
            "coalesce(exchanges.timezone, 'UTC')"
        ) }} as effective_at
    from counted
    left join exchanges on counted.exchange = exchanges.exchange

)

select * from final
