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

final as (

    select
        both_sides.table_name,
        both_sides.relation,
        both_sides.bucket_size,
        both_sides.bucket,
        both_sides.duckdb_rows,
        both_sides.timescale_rows,
        both_sides.duckdb_first_key,
        both_sides.timescale_first_key,
        both_sides.duckdb_last_key,
        both_sides.timescale_last_key,
        both_sides.duckdb_figures,
        both_sides.timescale_figures,
        coverage.relation is not null as is_closed,
        case
            when both_sides.duckdb_rows = 0 then 'missing_in_duckdb'
            when both_sides.timescale_rows = 0 then 'missing_in_timescale'
            when
                both_sides.duckdb_rows = both_sides.timescale_rows
                and both_sides.duckdb_figures = both_sides.timescale_figures
                then 'match'
            else 'different'
        end as verdict
    from both_sides
    left join coverage
        on
            both_sides.table_name = coverage.table_name
            and both_sides.relation = coverage.relation
            and both_sides.bucket >= coverage.covered_from
            and both_sides.bucket
            + if(both_sides.bucket_size = 'day', interval 1 day, interval 1 hour)
            <= coverage.covered_to

)

select * from final
