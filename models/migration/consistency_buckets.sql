-- depends_on: {{ ref('compared_ticks') }}
-- depends_on: {{ ref('compared_bars') }}
-- depends_on: {{ ref('compared_orders') }}
-- depends_on: {{ ref('compared_trades') }}
-- depends_on: {{ ref('compared_positions') }}
-- depends_on: {{ ref('compared_portfolio') }}
-- depends_on: {{ ref('compared_metrics') }}
-- depends_on: {{ ref('compared_logs') }}
with

coverage as (

    select * from {{ ref('stg_timescale_coverage') }}

),

archived_days as (

    select * from {{ ref('int_archived_days') }}

),

{% for table, spec in compared_tables().items() %}

    {{ table }}_hours as (

        {{ hourly_figures(spec) }}

    ),

    {{ table }}_buckets as (

        {{ bucket_figures(spec, table ~ '_hours') }}

    ),

{% endfor %}

figures as (

    {% for table in compared_tables() %}
        select
            '{{ table }}' as table_name,
            *
        from {{ table }}_buckets
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

duckdb as (

    select * from figures
    where system = 'duckdb'

),

timescale as (

    select * from figures
    where system = 'timescale'

),

both_sides as (

    select
        coalesce(duckdb.table_name, timescale.table_name) as table_name,
        coalesce(duckdb.relation, timescale.relation) as relation,
        coalesce(duckdb.bucket_size, timescale.bucket_size) as bucket_size,
        coalesce(duckdb.bucket, timescale.bucket) as bucket,
        coalesce(duckdb.rows, 0) as duckdb_rows,
        coalesce(timescale.rows, 0) as timescale_rows,
        duckdb.first_key as duckdb_first_key,
        timescale.first_key as timescale_first_key,
        duckdb.last_key as duckdb_last_key,
        timescale.last_key as timescale_last_key,
        duckdb.figures as duckdb_figures,
        timescale.figures as timescale_figures
    from duckdb
    full join timescale
        on
            duckdb.table_name = timescale.table_name
            and duckdb.relation = timescale.relation
            and duckdb.bucket_size = timescale.bucket_size
            and duckdb.bucket = timescale.bucket

),

judged as (

    select
        both_sides.*,
        {{ run_of('both_sides.relation') }} as run,
        coverage.relation is not null as is_covered,
        coverage.retired_before,
        coverage.retention_policy,
        archived_days.date is not null as is_archived,
        both_sides.bucket + if(both_sides.bucket_size = 'day', interval 1 day, interval 1 hour)
            as bucket_end
    from both_sides
    left join coverage
        on
            both_sides.table_name = coverage.table_name
            and both_sides.relation = coverage.relation
            and both_sides.bucket >= coverage.covered_from
            and both_sides.bucket
            + if(both_sides.bucket_size = 'day', interval 1 day, interval 1 hour)
            <= coverage.covered_to
    left join archived_days
        on
            both_sides.table_name = archived_days.relation
            and both_sides.bucket::date = archived_days.date

),

-- A day of which the server's retention took a part is judged by its hours alone.
final as (

    select
        table_name,
        relation,
        bucket_size,
        bucket,
        duckdb_rows,
        timescale_rows,
        duckdb_first_key,
        timescale_first_key,
        duckdb_last_key,
        timescale_last_key,
        duckdb_figures,
        timescale_figures,
        is_covered
        and not coalesce(bucket < retired_before and retired_before < bucket_end, false)
            as is_closed,
        case
            when duckdb_rows = timescale_rows and duckdb_figures = timescale_figures then 'match'
            when is_archived then 'archived_here'
            when duckdb_rows = 0 then 'missing_in_duckdb'
            when timescale_rows = 0 and bucket_end <= retired_before then 'retired_in_timescale'
            when timescale_rows = 0 then 'missing_in_timescale'
            else 'different'
        end as verdict,
        case when verdict = 'retired_in_timescale' then retention_policy end as retention_policy,
        run
    from judged

)

select * from final
