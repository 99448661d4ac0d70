-- All timeframes from the one-minute steps. A build computes the buckets whose steps changed since
-- the last one, completes what time has completed, and writes only rows that differ.
{{ config(
    schema='warm',
    materialized='incremental',
    incremental_strategy='restate_bars',
    unique_key='bar_id',
    on_schema_change='fail',
    pre_hook=["{{ check_bar_inputs() }}", "{{ create_bar_revisions() }}"],
    post_hook=[
        "{{ keep_refreshed_bars() }}",
        "{{ forget_what_was_not_built('ohlcv_bars', 'bar_id') }}",
        "{{ remember_build() }}", "{{ remember_bar_inputs() }}"
    ]
) }}
{% set touched_steps %}
    select
        exchange,
        symbol,
        minute as timestamp
    from {{ ref('int_bar_steps') }}
    where built_batch_id > {{ seen_batch() }}
{% endset %}
{% set reach %}
    select to_minutes(max(minutes)) from {{ ref('stg_timeframes') }} where minutes < 1440
{% endset %}

with

steps as (

    select * from {{ ref('int_counted_steps') }}

),

all_steps as ( -- noqa: ST03

    select * from {{ ref('int_bar_steps') }}

),

mixed_days as ( -- noqa: ST03

    select * from {{ ref('int_mixed_days') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

newest_ticks as (

    select * from {{ ref('int_newest_ticks') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

trading_days as (

    select
        *,
        unnest(
            generate_series(
                starts_at::date, (ends_at - interval 1 microsecond)::date, interval 1 day
            )
        )::date as date
    from {{ ref('int_trading_days') }}

),

{% if is_incremental() %}

    touched_steps as (

        {{ touched_steps }}

    ),

    -- Where trades came to a day of aggregate trades, or the other way round, all its bars change.
    touched_minutes as (

        select
            exchange,
            symbol,
            timestamp as minute
        from touched_steps
        union distinct
        select
            all_steps.exchange,
            all_steps.symbol,
            all_steps.minute
        from all_steps
        inner join mixed_days
            on
                all_steps.exchange = mixed_days.exchange
                and all_steps.symbol = mixed_days.symbol
                and all_steps.minute::date = mixed_days.date
        inner join touched_steps
            on
                all_steps.exchange = touched_steps.exchange
                and all_steps.symbol = touched_steps.symbol
                and all_steps.minute::date = touched_steps.timestamp::date

    ),

    touched_buckets as (

        select distinct
            touched_minutes.exchange,
            touched_minutes.symbol,
            timeframes.timeframe,
            {{ bucket_of('touched_minutes.minute', 'timeframes.minutes') }} as timestamp
        from touched_minutes
        cross join timeframes
        where timeframes.minutes < 1440

    ),

    touched_days as (

        select distinct
            touched_minutes.exchange,
            touched_minutes.symbol,
            trading_days.trading_date,
            trading_days.starts_at
        from touched_minutes
        inner join trading_days
            on
                touched_minutes.exchange = trading_days.exchange
                and touched_minutes.minute::date = trading_days.date
                and touched_minutes.minute >= trading_days.starts_at
                and touched_minutes.minute < trading_days.ends_at

    ),

{% endif %}

intraday_steps as (

    select
        steps.*,
        timeframes.timeframe,
        timeframes.minutes,
        {{ bucket_of('steps.minute', 'timeframes.minutes') }} as timestamp
    from steps
    cross join timeframes
    where
        steps.scope = 'intraday'
        and timeframes.minutes < 1440
    {% if is_incremental() %}
            and {{ in_touched_hours('steps.minute', touched_steps, '24 hours') }}
            and (
                steps.exchange,
                steps.symbol,
                timeframes.timeframe,
                {{ bucket_of('steps.minute', 'timeframes.minutes') }}
            ) in (
                select
                    touched_buckets.exchange,
                    touched_buckets.symbol,
                    touched_buckets.timeframe,
                    touched_buckets.timestamp
                from touched_buckets
            )
        {% endif %}

),

-- A day takes the daily rules of a minute where they differ, and of an exchange with regular days
-- only the session and the prints of its auctions.
daily_steps as (

    select
        steps.*,
        trading_days.trading_date,
        trading_days.starts_at,
        trading_days.ends_at
    from steps
    inner join trading_days
        on
            steps.exchange = trading_days.exchange
            and steps.minute::date = trading_days.date
            and steps.minute >= trading_days.starts_at
            and steps.minute < trading_days.ends_at
    left join steps as own_rules
        on
            steps.exchange = own_rules.exchange
            and steps.symbol = own_rules.symbol
            and steps.kind = own_rules.kind
            and steps.minute = own_rules.minute
            and steps.scope = 'intraday'
            and own_rules.scope = 'daily'
    where
        own_rules.minute is null
        and (steps.scope = 'auction') = (
            trading_days.daily_bars = 'regular'
            and (
                steps.minute >= trading_days.opens_at
                and steps.minute < trading_days.closes_at
            ) is not true
        )
    {% if is_incremental() %}
            and {{ in_touched_hours('steps.minute', touched_steps, '48 hours') }}
            and (steps.exchange, steps.symbol, trading_days.trading_date) in (
                select
                    touched_days.exchange,
                    touched_days.symbol,
                    touched_days.trading_date
                from touched_days
            )
        {% endif %}

),

bucket_steps as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        timestamp + to_minutes(minutes) as ends_at,
        null::date as trading_date,
        minute,
        open,
        close,
        high,
        low,
        volume,
        trade_count,
        notional_whole,
        notional_fraction
    from intraday_steps
    union all
    select
        daily_steps.exchange,
        daily_steps.symbol,
        timeframes.timeframe,
        daily_steps.starts_at as timestamp,
        daily_steps.ends_at,
        daily_steps.trading_date,
        daily_steps.minute,
        daily_steps.open,
        daily_steps.close,
        daily_steps.high,
        daily_steps.low,
        daily_steps.volume,
        daily_steps.trade_count,
        daily_steps.notional_whole,
        daily_steps.notional_fraction
    from daily_steps
    inner join timeframes on timeframes.minutes = 1440

),

summed as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        any_value(ends_at) as ends_at,
        any_value(trading_date) as trading_date,
        arg_min(open, minute) as open,
        coalesce(arg_max(close, minute), arg_min(open, minute)) as close,
        max(high) as high,
        min(low) as low,
        sum(volume) as volume,
        sum(trade_count)::integer as trade_count,
        sum(notional_whole) as notional_whole,
        sum(notional_fraction) as notional_fraction
    from bucket_steps
    group by
        exchange,
        symbol,
        timeframe,
        timestamp
    having arg_min(open, minute) is not null

),

frontiers as (

    select
        newest_ticks.exchange,
        max(newest_ticks.newest_at) as newest_at
    from newest_ticks
    left join instruments
        on
            newest_ticks.exchange = instruments.exchange
            and newest_ticks.symbol = instruments.symbol
    where
        (newest_ticks.kind = 'quote')
        = (coalesce(instruments.bar_price, 'trade') in ('bid', 'ask', 'mid'))
    group by newest_ticks.exchange

),

computed as (

    select
        {{ stable_id(['summed.exchange', 'summed.symbol', 'summed.timeframe',
                      'epoch_us(summed.timestamp)']) }} as bar_id,
        summed.exchange,
        summed.symbol,
        summed.timeframe,
        summed.timestamp,
        summed.open,
        greatest(summed.high, summed.open, summed.close) as high,
        least(summed.low, summed.open, summed.close) as low,
        summed.close,
        summed.volume::decimal(38, 8) as volume,
        {{ vwap('summed.notional_whole', 'summed.notional_fraction', 'summed.volume') }} as vwap,
        summed.trade_count,
        {{ is_bar_complete('summed.ends_at', 'frontiers.newest_at') }} as is_complete,
        summed.trading_date,
        summed.ends_at,
        {{ landed_batch() }} as built_batch_id,
        {{ build_time() }} as built_at
    from summed
    left join frontiers on summed.exchange = frontiers.exchange

),

{% if is_incremental() %}

    touched_bars as (

        select
            {{ stable_id(['exchange', 'symbol', 'timeframe', 'epoch_us(timestamp)']) }} as bar_id
        from touched_buckets
        union all
        select
            {{ stable_id(['touched_days.exchange', 'touched_days.symbol', 'timeframes.timeframe',
                          'epoch_us(touched_days.starts_at)']) }} as bar_id
        from touched_days
        inner join timeframes on timeframes.minutes = 1440

    ),

    -- Bars that were moved to Parquet are complete.
    previous as (

        select * from {{ this }}
        where
            not is_complete
            or {{ in_touched_hours('timestamp', touched_steps, '48 hours') }}
        union all by name
        select * exclude (date)
        from {{ cold_rows('ohlcv_bars') }}
        where
            {{ in_touched_hours('timestamp', touched_steps, '48 hours') }}
            and {{ in_touched_hours('date', touched_steps, '72 hours') }}

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
        inner join touched_bars on previous.bar_id = touched_bars.bar_id
        left join computed on previous.bar_id = computed.bar_id
        where computed.bar_id is null

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
