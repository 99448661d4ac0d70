-- The step all bars are made of: each tick is read once, here, and only the minutes that ticks,
-- corrections and conflicts landed since the last build touch are read again.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['exchange', 'symbol', 'kind', 'scope', 'minute'],
    on_schema_change='fail',
    pre_hook=["{{ check_bar_inputs() }}", "{{ read_again_rather_than_keep() }}"],
    post_hook=[
        "{{ remember_build() }}", "{{ remember_bar_inputs() }}", "{{ optimise_as_usual() }}"
    ]
) }}
{% set touched_ticks %}
    select
        exchange,
        symbol,
        kind,
        timestamp
    from {{ ref('stg_market_ticks') }}
    where batch_id > {{ seen_batch() }}
    union all
    select
        exchange,
        symbol,
        kind,
        timestamp
    from {{ ref('stg_tick_amendments') }}
    where built_batch_id > {{ seen_batch() }}
{% endset %}

with

{% if is_incremental() %}

    touched_minutes as (

        select distinct
            exchange,
            symbol,
            kind,
            {{ minute_of('timestamp') }} as minute
        from ({{ touched_ticks }})

    ),

    ticks as not materialized (

        select bar_ticks.*
        from {{ ref('int_bar_ticks') }} as bar_ticks
        inner join touched_minutes
            on
                bar_ticks.exchange = touched_minutes.exchange
                and bar_ticks.symbol = touched_minutes.symbol
                and bar_ticks.kind = touched_minutes.kind
                and {{ minute_of('bar_ticks.timestamp') }} = touched_minutes.minute
        where
            {{ in_touched_hours('bar_ticks.timestamp', touched_ticks, '0 hours') }}
            and {{ in_touched_hours('bar_ticks.date', touched_ticks, '24 hours') }}

    ),

{% else %}

    ticks as not materialized (

        select * from {{ ref('int_bar_ticks') }}

    ),

{% endif %}

intraday as (

    select
        exchange,
        symbol,
        kind,
        {{ minute_number('timestamp') }} as minute_number,
        {{ step_aggregates('sets_last', 'sets_high_low', 'sets_volume') }}
    from ticks
    group by
        exchange,
        symbol,
        kind,
        minute_number

),

-- Minutes with a tick whose daily rules differ, or with an auction's.
special_minutes as (

    select
        exchange,
        symbol,
        kind,
        {{ minute_number('timestamp') }} as minute_number,
        bool_or(differs_daily) as differs_daily
    from ticks
    where differs_daily or is_auction
    group by
        exchange,
        symbol,
        kind,
        minute_number

),

special_ticks as (

    select
        ticks.* exclude (differs_daily), -- noqa: RF02
        special_minutes.differs_daily
    from ticks
    inner join special_minutes
        on
            ticks.exchange = special_minutes.exchange
            and ticks.symbol = special_minutes.symbol
            and ticks.kind = special_minutes.kind
            and {{ minute_number('ticks.timestamp') }} = special_minutes.minute_number

),

daily as (

    select
        exchange,
        symbol,
        kind,
        {{ minute_number('timestamp') }} as minute_number,
        {{ step_aggregates('sets_daily_last', 'sets_daily_high_low', 'sets_daily_volume') }}
    from special_ticks
    where differs_daily
    group by
        exchange,
        symbol,
        kind,
        minute_number

),

auction as (

    select
        exchange,
        symbol,
        kind,
        {{ minute_number('timestamp') }} as minute_number,
        {{ step_aggregates('sets_daily_last', 'sets_daily_high_low', 'sets_daily_volume') }}
    from special_ticks
    where is_auction
    group by
        exchange,
        symbol,
        kind,
        minute_number

),

steps as (

    select
        *,
        'intraday' as scope
    from intraday
    union all
    select
        *,
        'daily' as scope
    from daily
    union all
    select
        *,
        'auction' as scope
    from auction

),

rebuilt as (

    select
        exchange,
        symbol,
        kind,
        scope,
        make_timestamp(minute_number * 60000000) as minute,
        tick_count,
        open,
        close,
        high,
        low,
        volume,
        trade_count,
        (
            coalesce(floor(small_notional), 0)::hugeint
            + coalesce(large_notional_whole, 0)
        )::hugeint as notional_whole,
        (
            coalesce(small_notional - floor(small_notional), 0)
            + coalesce(large_notional_fraction, 0)
        )::decimal(38, 16) as notional_fraction,
        {{ landed_batch() }} as built_batch_id
    from steps

),

{% if is_incremental() %}

    previous as (

        select * from {{ this }} as steps
        where
            {{ in_touched_hours('steps.minute', touched_ticks, '0 hours') }}
            and (steps.exchange, steps.symbol, steps.kind, steps.minute) in (
                select
                    exchange,
                    symbol,
                    kind,
                    minute
                from touched_minutes
            )

    ),

    changed as (

        select rebuilt.*
        from rebuilt
        left join previous
            on
                rebuilt.exchange = previous.exchange
                and rebuilt.symbol = previous.symbol
                and rebuilt.kind = previous.kind
                and rebuilt.scope = previous.scope
                and rebuilt.minute = previous.minute
        where
            previous.minute is null
            or (
                rebuilt.tick_count,
                rebuilt.open,
                rebuilt.close,
                rebuilt.high,
                rebuilt.low,
                rebuilt.volume,
                rebuilt.trade_count,
                rebuilt.notional_whole,
                rebuilt.notional_fraction
            ) is distinct from (
                previous.tick_count,
                previous.open,
                previous.close,
                previous.high,
                previous.low,
                previous.volume,
                previous.trade_count,
                previous.notional_whole,
                previous.notional_fraction
            )

    ),

    -- A step that lost all its ticks stays as an empty row, so that the bars learn of it.
    emptied as (

        select
            previous.exchange,
            previous.symbol,
            previous.kind,
            previous.scope,
            previous.minute,
            0 as tick_count,
            null as open,
            null as close,
            null as high,
            null as low,
            0 as volume,
            0 as trade_count,
            0 as notional_whole,
            0 as notional_fraction,
            {{ landed_batch() }} as built_batch_id
        from previous
        left join rebuilt
            on
                previous.exchange = rebuilt.exchange
                and previous.symbol = rebuilt.symbol
                and previous.kind = rebuilt.kind
                and previous.scope = rebuilt.scope
                and previous.minute = rebuilt.minute
        where
            rebuilt.minute is null
            and previous.tick_count > 0

    ),

    final as (

        select * from changed
        union all
        select * from emptied

    )

{% else %}

    final as (

        select * from rebuilt

    )

{% endif %}

select * from final
