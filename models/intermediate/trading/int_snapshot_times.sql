{{ config(materialized='table') }}
{% set interval = "interval '" ~ var("position_mark_interval") ~ "'" %}

-- When positions and portfolio are valued: from the first event to the newest landed tick or event.
with

landings as (

    select * from {{ ref('stg_landings') }}

),

fills as (

    select * from {{ ref('int_fills') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

manual_snapshots as (

    select * from {{ ref('stg_manual_snapshots') }}

),

flows as (

    select event_time as flowed_at
    from cash_events
    where part = 'flow'
    union
    select executed_at as flowed_at
    from fills
    where transfer is not null and not is_busted

),

span as (

    select
        least(
            (select min(executed_at) from fills), (select min(event_time) from cash_events)
        ) as first_at,
        greatest(
            (
                select max(max_timestamp) from landings
                where kind in ('ticks', 'orders', 'cash')
            ),
            (select max(executed_at) from fills),
            (select max(event_time) from cash_events)
        ) as newest_at

),

days as (

    select
        unnest(
            generate_series(first_at::date - 1, newest_at::date + 1, interval 1 day)
        )::date as date
    from span

),

day_ends as (

    select
        {{ to_utc(
            "days.date + time '" ~ var('portfolio_eod_time') ~ "'",
            "'" ~ var('portfolio_timezone') ~ "'"
        ) }} as snapshot_time
    from days

),

final as (

    select
        unnest(
            generate_series(
                time_bucket({{ interval }}, first_at) + {{ interval }}, newest_at, {{ interval }}
            )
        ) as snapshot_time,
        'intraday' as snapshot_type
    from span

    union all

    select
        day_ends.snapshot_time,
        'eod' as snapshot_type
    from day_ends
    inner join span
        on day_ends.snapshot_time > span.first_at and day_ends.snapshot_time <= span.newest_at

    union all

    select
        snapshot_time,
        'manual' as snapshot_type
    from manual_snapshots

    union all

    -- Not published until somebody takes it: take_portfolio_snapshot.
    select
        newest_at as snapshot_time,
        'newest' as snapshot_type
    from span
    where first_at is not null

    union all

    -- Not published; returns are cut at each flow.
    select
        flowed_at as snapshot_time,
        'flow' as snapshot_type
    from flows

)

select * from final
