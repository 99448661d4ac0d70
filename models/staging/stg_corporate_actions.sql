{% set key = "exchange, symbol, ex_date, kind, case when kind = 'spin_off' then new_symbol end" %}
{% set said = ['ratio', 'new_symbol', 'cash_amount', 'currency', 'cost_share'] %}
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
        kind in ('split', 'stock_dividend') as is_split,
        {{ source_rank('source') }} as source_rank
    from actions

),

-- A withdrawal takes back what says the same, whichever came first and from where.
with_withdrawals as (

    select
        *,
        bool_or(coalesce(withdrawn, false)) over (
            partition by exchange, symbol, ex_date, kind, {{ said | join(', ') }}
        ) as is_withdrawn,
        max(batch_id) over (partition by {{ key }}) as changed_in_batch
    from with_ratio

),

-- Versions of which neither source is better than the other.
with_versions as (

    select
        *,
        list(distinct {{ struct_of(said, 'with_withdrawals') }})
        filter (where not is_withdrawn) over (partition by {{ key }}, source_rank) as versions
    from with_withdrawals

),

counted as (

    select *
    from with_versions
    qualify
        row_number() over (
            partition by {{ key }}
            order by is_withdrawn, source_rank, content_hash, batch_id, row_number
        ) = 1

),

final as (

    select
        counted.changed_in_batch,
        counted.is_withdrawn,
        counted.versions,
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
