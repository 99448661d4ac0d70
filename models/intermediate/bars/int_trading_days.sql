{{ config(materialized='table') }}

-- When each exchange's days and regular sessions begin and end, in UTC. A day that starts after
-- noon begins on the evening before the date it bears.
with

minutes as (

    select * from {{ ref('int_minute_bars') }}

),

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

calendar as (

    select
        *,
        session_open is null and session_close is null as is_holiday
    from {{ ref('stg_exchange_calendar') }}

),

span as (

    select
        min(minute)::date - 2 as first_date,
        max(minute)::date + 2 as last_date
    from minutes

),

dates as (

    select {{ each_of(days_from('first_date', 'last_date')) }} as trading_date
    from span

),

known_exchanges as (

    select distinct exchange from minutes

),

-- A step of its own: DuckDB writes a cross join followed by others into a view it cannot read back.
exchange_days as (

    select
        known_exchanges.exchange,
        dates.trading_date
    from known_exchanges
    cross join dates

),

local_days as (

    select
        exchange_days.exchange,
        exchange_days.trading_date,
        coalesce(exchanges.timezone, 'UTC') as timezone,
        coalesce(exchanges.daily_bars, 'all') as daily_bars,
        coalesce(exchanges.day_start, time '00:00') as day_start,
        exchange_days.trading_date
        - case when exchanges.starts_evening_before then 1 else 0 end as start_date,
        case
            when calendar.is_holiday then null
            else coalesce(calendar.session_open, exchanges.session_open)
        end as session_open,
        case
            when calendar.is_holiday then null
            else coalesce(calendar.session_close, exchanges.session_close)
        end as session_close
    from exchange_days
    left join exchanges on exchange_days.exchange = exchanges.exchange
    left join calendar
        on
            exchange_days.exchange = calendar.exchange
            and exchange_days.trading_date = calendar.date

),

-- The session opens at the first such time of the day, and closes at the first such time after.
local_sessions as (

    select
        *,
        {{ at_time('start_date', 'day_start') }} as starts,
        {{ at_time(
            'case when session_open >= day_start then start_date else start_date + 1 end',
            'session_open'
        ) }} as opens
    from local_days

),

final as (

    select
        exchange,
        trading_date,
        daily_bars,
        {{ to_utc('starts', 'timezone') }} as starts_at,
        lead({{ to_utc('starts', 'timezone') }}) over (
            partition by exchange
            order by trading_date
        ) as ends_at,
        {{ to_utc('opens', 'timezone') }} as opens_at,
        {{ to_utc(
            at_time(
                'case when session_close > session_open then opens::date else opens::date + 1 end',
                'session_close'
            ),
            'timezone'
        ) }} as closes_at
    from local_sessions
    qualify ends_at is not null

)

select * from final
