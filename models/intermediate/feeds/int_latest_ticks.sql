-- depends_on: {{ ref('int_feeds_to_restate') }} {{ ref('int_tick_amendments') }}
-- depends_on: {{ ref('stg_chains') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'kind'],
    meta={'region': {'pending': 'int_feeds_to_restate', 'by': ['exchange', 'symbol', 'kind']}}
) }}

-- The newest tick of each symbol and kind. An increment compares what was shown with the ticks of
-- the pending minutes, and searches all ticks of a symbol only where what was shown does not count
-- any more.
with

ticks as {{ not_materialized() }} (

    select * from {{ ref('int_market_ticks') }} as ticks
    where
        not is_busted
        and {{ is_on_clock('ticks') }}

),

{% if is_incremental() %}

    shown as (

        select shown.*
        from {{ this }} as shown
        semi join {{ ref('int_feeds_to_restate') }} as pending
            on
                shown.exchange = pending.exchange
                and shown.symbol = pending.symbol
                and shown.kind = pending.kind

    ),

    void as (

        select shown.*
        from shown
        inner join {{ ref('int_tick_amendments') }} as amendments
            on shown.tick_id = amendments.tick_id
        where
            amendments.built_run > (
                select built.run_number from {{ ref('stg_chains') }} as built
                where built.chain = 'feeds'
            )

    ),

    candidates as (

        select ticks.*
        from ticks
        semi join {{ ref('int_feeds_to_restate') }} as pending
            on {{ in_minute('ticks', 'pending') }}
        where {{ on_day_of('ticks', ref('int_feeds_to_restate')) }}
        union all by name
        select ticks.*
        from ticks
        semi join void
            on
                ticks.exchange = void.exchange
                and ticks.symbol = void.symbol
                and ticks.kind = void.kind
        union all by name
        select shown.*
        from shown
        anti join void on shown.tick_id = void.tick_id

    ),

{% else %}

    candidates as (

        select * from ticks

    ),

{% endif %}

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
                coalesce(candidates.nanoseconds, 0) desc,
                candidates.sequence_number desc nulls first,
                candidates.trade_number desc nulls first,
                candidates.place desc nulls first,
                candidates.last_price desc,
                candidates.last_size desc,
                candidates.bid_price desc,
                candidates.ask_price desc,
                candidates.bid_size desc,
                candidates.ask_size desc,
                candidates.tick_id desc
        ) = 1

)

select * from final
