-- The newest tick of each symbol and kind, kept: a build compares it with what was landed since,
-- and searches all of a symbol's ticks only when the one it shows was amended.
{{ config(
    materialized=kept_incrementally(),
    incremental_strategy='delete+insert',
    unique_key=['exchange', 'symbol', 'kind'],
    post_hook="{{ remember_build() }}"
) }}
{% set seen = seen_batch() %}

with

ticks as (

    select * from {{ ref('stg_market_ticks') }}
    where
        not is_busted
        and timestamp <= ingestion_time + interval 5 seconds

),

amendments as ( -- noqa: ST03

    select * from {{ ref('stg_tick_amendments') }}

),

candidates as (

    select * from ticks
    where batch_id > {{ seen }}

    {% if is_incremental() %}

        union all by name

        select shown.*
        from {{ this }} as shown
        where shown.tick_id not in (
            select tick_id from amendments
            where built_batch_id > {{ seen }}
        )

        union all by name

        select ticks.*
        from ticks
        inner join {{ this }} as shown
            on
                ticks.exchange = shown.exchange
                and ticks.symbol = shown.symbol
                and ticks.kind = shown.kind
        inner join amendments
            on
                shown.tick_id = amendments.tick_id
                and amendments.built_batch_id > {{ seen }}

    {% endif %}

),

newest as (

    select
        exchange,
        symbol,
        kind,
        max(timestamp) as timestamp
    from candidates
    group by all

),

final as (

    select candidates.*
    from candidates
    inner join newest
        on
            candidates.exchange = newest.exchange
            and candidates.symbol = newest.symbol
            and candidates.kind = newest.kind
            and candidates.timestamp = newest.timestamp
    qualify
        row_number() over (
            partition by candidates.exchange, candidates.symbol, candidates.kind
            order by
                candidates.sequence_number desc nulls first,
                candidates.trade_number desc nulls first,
                candidates.content_hash desc
        ) = 1

)

select * from final
