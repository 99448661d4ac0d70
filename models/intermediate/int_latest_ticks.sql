-- The newest tick of each symbol and kind, kept: a build compares it with what was landed or
-- amended since, and searches all of a symbol's ticks only when the one it shows was amended. (The
-- ticks are imported thrice: DuckDB would keep all of them for a CTE that is named twice.)
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['exchange', 'symbol', 'kind'],
    post_hook=["{{ forget_void_ticks() }}", "{{ remember_build() }}"]
) }}
{% set seen = seen_batch() %}
{% set new_amendments %}
    select * from {{ ref('int_tick_amendments') }}
    where built_batch_id > {{ seen }}
{% endset %}

with

new_ticks as (

    select * from {{ ref('int_market_ticks') }}
    where batch_id > {{ seen }}

),

touched_ticks as ( -- noqa: ST03

    select * from {{ ref('int_market_ticks') }}
    {% if is_incremental() %}
        where {{ in_touched_hours('timestamp', new_amendments, date='date') }}
    {% endif %}

),

all_ticks as ( -- noqa: ST03

    select * from {{ ref('int_market_ticks') }}

),

amendments as ( -- noqa: ST03

    {{ new_amendments }}

),

{% if is_incremental() %}

    amended as (

        select touched_ticks.*
        from touched_ticks
        inner join amendments on touched_ticks.tick_id = amendments.tick_id

    ),

    searched as (

        select all_ticks.*
        from all_ticks
        inner join {{ this }} as shown
            on
                all_ticks.exchange = shown.exchange
                and all_ticks.symbol = shown.symbol
                and all_ticks.kind = shown.kind
        inner join amendments on shown.tick_id = amendments.tick_id

    ),

    still_shown as (

        select * from {{ this }}
        where tick_id not in (select amendments.tick_id from amendments)

    ),

{% endif %}

candidates as (

    select * from new_ticks

    {% if is_incremental() %}

        union all {{ by_name() }}
        select * from amended
        union all {{ by_name() }}
        select * from searched
        union all {{ by_name() }}
        select * from still_shown

    {% endif %}

),

newest as (

    select
        exchange,
        symbol,
        kind,
        max(timestamp) as timestamp
    from candidates
    where
        not is_busted
        and timestamp <= ingestion_time + interval 5 seconds
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
    where
        not candidates.is_busted
        and candidates.timestamp <= candidates.ingestion_time + interval 5 seconds
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
