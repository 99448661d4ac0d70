{# By table, what its compared_* model says of it (models/migration/_migration__models.yml), and that
   model's name. dbt sees no ref in it: whoever reads the models names them in a comment. #}
{% macro compared_tables() -%}
    {%- set tables = {} -%}
    {%- for node in graph.get('nodes', {}).values() if node.config.meta.compared -%}
        {%- set spec = node.config.meta.compared -%}
        {%- do tables.update({spec.table: dict(spec, model=node.name)}) -%}
    {%- endfor -%}
    {{ return(dict(tables | dictsort)) }}
{%- endmacro %}

{% macro compared_columns(spec) -%}
    {%- set columns = [] -%}
    {%- for column in spec['key'] + spec['values'] if column not in columns -%}
        {%- do columns.append(column) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{# Both sides of a table per hour. The checksum is a sum of hashes: the order of rows does not count,
   doubled rows do. hash() may change with the engine's version, but both sides come from one query. #}
{% macro hourly_figures(spec) -%}
    select
        relation,
        system,
        epoch_us({{ spec['time'] }}) // 3600000000 as hour,
        count(*) as rows,
        min({{ spec['key'] | last }})::varchar as first_key,
        max({{ spec['key'] | last }})::varchar as last_key,
        {%- for column in spec['sums'] %}
        sum({{ column }})::decimal(38, 10) as sum_{{ column }},
        {%- endfor %}
        sum(hash({{ compared_columns(spec) | join(', ') }})) as checksum
    from {{ ref(spec['model']) }}
    group by all
{%- endmacro %}

{# Hours as they are and days made of them, the sums as one JSON text. #}
{% macro bucket_figures(spec, hours) -%}
    {%- for size, microseconds in {'hour': 3600000000, 'day': 86400000000}.items() %}
    select
        relation,
        system,
        '{{ size }}' as bucket_size,
        make_timestamp(hour * 3600000000 // {{ microseconds }} * {{ microseconds }}) as bucket,
        sum(rows)::bigint as rows,
        min(first_key) as first_key,
        max(last_key) as last_key,
        to_json({
            {%- for column in spec['sums'] %}
            '{{ column }}': sum(sum_{{ column }})::varchar,
            {%- endfor %}
            'checksum': sum(checksum)::varchar
        })::varchar as figures
    from {{ hours }}
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Rows of the buckets that do not match which one side has more often than the other. #}
{% macro row_differences(table, spec) -%}
    select
        '{{ table }}' as table_name,
        rows.relation,
        date_trunc('hour', rows.{{ spec['time'] }}) as bucket,
        to_json({
            {%- for column in spec['key'] %}'{{ column }}': rows.{{ column }}{{ ', ' if not loop.last }}
            {%- endfor %}})::varchar as key,
        to_json({
            {%- for column in spec['values'] %}'{{ column }}': rows.{{ column }}{{ ', ' if not loop.last }}
            {%- endfor %}})::varchar as row_values,
        count(*) filter (where rows.system = 'duckdb') as duckdb_rows,
        count(*) filter (where rows.system = 'timescale') as timescale_rows
    from {{ ref(spec['model']) }} as rows
    inner join unmatched
        on
            unmatched.table_name = '{{ table }}'
            and unmatched.relation = rows.relation
            and unmatched.hour = epoch_us(rows.{{ spec['time'] }}) // 3600000000
    group by all
    having
        count(*) filter (where rows.system = 'duckdb')
        <> count(*) filter (where rows.system = 'timescale')
{%- endmacro %}
