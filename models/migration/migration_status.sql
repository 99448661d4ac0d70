-- For analysts and the report: the buckets themselves stay in schema migration.
{{ config(schema='main', materialized='table', access='public') }}

with

buckets as (

    select * from {{ ref('consistency_buckets') }}

),

hours as (

    select
        table_name,
        relation,
        bucket::date as date,
        count(*) as hours,
        count(*) filter (
            where verdict not in ('match', 'retired_in_timescale', 'archived_here')
        ) as hours_not_matching
    from buckets
    where bucket_size = 'hour'
    group by
        table_name,
        relation,
        bucket::date

),

days as (

    select
        table_name,
        relation,
        bucket::date as date,
        verdict,
        is_closed,
        duckdb_rows,
        timescale_rows
    from buckets
    where bucket_size = 'day'

),

final as (

    select
        days.table_name,
        days.relation,
        days.date,
        days.verdict,
        days.is_closed,
        days.duckdb_rows,
        days.timescale_rows,
        hours.hours,
        hours.hours_not_matching
    from days
    inner join hours
        on
            days.table_name = hours.table_name
            and days.relation = hours.relation
            and days.date = hours.date

)

select * from final
