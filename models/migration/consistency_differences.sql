-- depends_on: {{ ref('compared_ticks') }}
-- depends_on: {{ ref('compared_bars') }}
-- depends_on: {{ ref('compared_orders') }}
-- depends_on: {{ ref('compared_trades') }}
-- depends_on: {{ ref('compared_positions') }}
-- depends_on: {{ ref('compared_portfolio') }}
-- depends_on: {{ ref('compared_metrics') }}
-- depends_on: {{ ref('compared_logs') }}
-- Nothing is read where every bucket matches.
with

buckets as (

    select * from {{ ref('consistency_buckets') }}

),

unmatched as (

    select
        table_name,
        relation,
        epoch_us(bucket) // 3600000000 as hour
    from buckets
    where
        verdict not in ('match', 'retired_in_timescale', 'archived_here')
        and bucket_size = 'hour'
        and is_closed

),

{% for table, spec in compared_tables().items() %}

    {{ table }}_differences as (

        {{ row_differences(table, spec) }}

    ),

{% endfor %}

differences as (

    {% for table in compared_tables() %}
        select * from {{ table }}_differences
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        table_name,
        relation,
        bucket,
        key,
        row_values,
        duckdb_rows,
        timescale_rows,
        case
            when duckdb_rows < timescale_rows then 'more in timescale'
            else 'more in duckdb'
        end as difference
    from differences

)

select * from final
