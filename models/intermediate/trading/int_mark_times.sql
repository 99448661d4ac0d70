{{ config(materialized='table') }}

-- Each time at which something is valued, numbered, so that the marks of a span are a range of
-- numbers.
with

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

final as (

    select
        snapshot_time,
        bool_or(snapshot_type in ('intraday', 'eod')) as is_mark,
        row_number() over (order by snapshot_time) as mark_number
    from snapshot_times
    group by snapshot_time

)

select * from final
