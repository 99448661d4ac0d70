-- All timeframes from the one-minute steps. A build computes the buckets whose steps changed since
-- the last one, completes what time has completed, and writes only rows that differ.
{{ config(
    schema='warm',
    materialized='incremental',
    incremental_strategy='restate_bars',
    unique_key='bar_id',
    on_schema_change='fail',
    meta={'day_of': 'timestamp'},
    pre_hook=["{{ check_bar_inputs() }}", "{{ create_bar_revisions() }}", "{{ forget_touched_days() }}"],
    post_hook=[
        "{{ keep_refreshed_bars() }}",
        "{{ forget_what_was_not_built('ohlcv_bars', 'bar_id') }}",
        "{{ remember_build() }}", "{{ remember_bar_inputs() }}"
    ]
) }}
{% set touched_buckets %}
    select * from {{ ref('int_bars_to_restate') }}
    where built_batch_id > {{ seen_batch() }}
{% endset %}
{% set restates = is_incremental() and restates_rows() %}
{% set touched_hours = touched_stretches(touched_buckets) if restates else [] %}

with

bucket_steps as {{ not_materialized() }} (

    select * from {{ ref('int_bar_constituents') }}
    {% if restates %}
        where
            {{ in_stretches('minute', touched_hours, reach=25) }}
            and (exchange, symbol, timeframe, timestamp) in (
                select
                    touched.exchange,
                    touched.symbol,
                    touched.timeframe,
                    touched.timestamp
                from ({{ touched_buckets }}) as touched
            )
    {% elif is_incremental() %}
        where {{ in_restated_days() }}
    {% endif %}

),

frontiers as (

    select * from {{ ref('int_exchange_high_water_marks') }}

),

-- A step is a whole bar of one minute, so most bars need no sum.
single_steps as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        timestamp + length as ends_at,
        trading_date,
        open,
        coalesce(close, open) as close,
        high,
        low,
        volume,
        trade_count::integer as trade_count,
        notional_whole,
        notional_fraction
    from bucket_steps
    where
        minutes = 1
        and open is not null

),

summed_steps as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        any_value(timestamp + length) as ends_at,
        any_value(trading_date) as trading_date,
        {{ first_known('open', 'minute') }} as open,
        coalesce({{ last_known('close', 'minute') }}, {{ first_known('open', 'minute') }}) as close,
        max(high) as high,
        min(low) as low,
        sum(volume) as volume,
        sum(trade_count)::integer as trade_count,
        sum(notional_whole) as notional_whole,
        sum(notional_fraction) as notional_fraction
    from bucket_steps
    where minutes > 1
    group by
        exchange,
        symbol,
        timeframe,
        timestamp
    having max(open) is not null

),

summed as (

    select * from single_steps
    union all
    select * from summed_steps

),

guessed as (

    select
        *,
        {{ vwap_guess('notional_whole', 'notional_fraction', 'volume') }} as vwap_guess
    from summed

),

computed as (

    select
        {{ bar_id('guessed') }} as bar_id,
        guessed.exchange,
        guessed.symbol,
        guessed.timeframe,
        guessed.timestamp,
        guessed.open,
        greatest(guessed.high, guessed.open, guessed.close) as high,
        least(guessed.low, guessed.open, guessed.close) as low,
        guessed.close,
        guessed.volume::decimal(38, 8) as volume,
        {{ vwap(
            'guessed.notional_whole', 'guessed.notional_fraction', 'guessed.volume',
            'guessed.vwap_guess'
        ) }} as vwap,
        guessed.trade_count,
        {{ is_bar_complete('guessed.ends_at', 'frontiers.newest_at') }} as is_complete,
        guessed.trading_date,
        guessed.ends_at,
        {{ landed_batch() }} as built_batch_id,
        {{ build_time() }} as built_at
    from guessed
    left join frontiers on guessed.exchange = frontiers.exchange

),

{% if restates %}

    -- Bars that were moved to Parquet are complete. (Two filters and no OR: by each DuckDB skips row
    -- groups.)
    previous as (

        select * from {{ this }}
        where not is_complete
        union all
        select * from {{ this }}
        where
            is_complete
            and {{ in_stretches('timestamp', touched_hours) }}
        union all by name
        select * exclude (date)
        from {{ cold_rows('ohlcv_bars') }}
        where {{ in_stretches('timestamp', touched_hours, date='date') }}

    ),

    changed as (

        select
            computed.* replace (
                computed.is_complete or coalesce(previous.is_complete, false) as is_complete
            )
        from computed
        left join previous on computed.bar_id = previous.bar_id
        where
            previous.bar_id is null
            or {{ bar_differs('computed', 'previous') }}

    ),

    -- Their price is as it was, so they keep when they were built.
    completed as (

        select previous.* replace (true as is_complete)
        from previous
        left join frontiers on previous.exchange = frontiers.exchange
        where
            not previous.is_complete
            and {{ is_bar_complete('previous.ends_at', 'frontiers.newest_at') }}
            and previous.bar_id not in (select changed.bar_id from changed)

    ),

    -- Bars that lost their last price: the strategy deletes a row without one.
    vanished as (

        select
            previous.* replace (
                null as open, {{ landed_batch() }} as built_batch_id, {{ build_time() }} as built_at
            )
        from previous
        where
            previous.bar_id in (
                select {{ bar_id('touched') }} from ({{ touched_buckets }}) as touched
            )
            and previous.bar_id not in (select computed.bar_id from computed)

    ),

    final as (

        select * from changed
        union all by name
        select * from completed
        where completed.bar_id not in (select vanished.bar_id from vanished)
        union all by name
        select * from vanished

    )

{% else %}

    final as (

        select * from computed
        order by
            timeframe,
            timestamp

    )

{% endif %}

select * from final
