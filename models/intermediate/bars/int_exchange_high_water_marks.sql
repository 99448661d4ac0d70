-- depends_on: {{ ref('ohlcv_bars_warm') }}
{{ config(materialized='incremental', unique_key='exchange', meta={'region': 'everything'}) }}

-- Until when each exchange's bars are complete. A mark only grows, also in a full refresh: 30 s
-- behind the newest tick that could enter a bar (busted ones too, none that was dated after its
-- ingestion), or a day behind `as_of` or the newest landed moment, whichever is earlier. It moves
-- after the bars were built: what changes in the same build was complete before, or was not.
with

minutes as (

    select * from {{ ref('int_minute_bars') }}

),

quoted_instruments as (

    select * from {{ ref('int_quoted_instruments') }}

),

landings as (

    select * from {{ ref('stg_landings') }}

),

reached as (

    select
        minutes.exchange,
        max(minutes.newest_at) - interval 30 seconds as complete_until
    from minutes
    left join quoted_instruments
        on
            minutes.exchange = quoted_instruments.exchange
            and minutes.symbol = quoted_instruments.symbol
    where (minutes.kind = 'quote') = (quoted_instruments.symbol is not null)
    group by minutes.exchange

),

marks as (

    select
        exchange,
        complete_until
    from reached
    union all
    select
        exchange,
        {{ landed_until("landings") }} - interval 1 day as complete_until
    from reached
    {% if is_incremental() or has_rows_from_before() %}
        union all
        select
            exchange,
            complete_until
        from {{ this }}
    {% endif %}

),

final as (

    select
        exchange,
        max(complete_until) as complete_until
    from marks
    group by exchange

)

select * from final
