{# manual_snapshots keeps the times at which somebody asked for a portfolio snapshot; it is never
   rebuilt. #}
{% macro manual_snapshots() -%}
    {{ target.schema }}.manual_snapshots
{%- endmacro %}

{% macro create_manual_snapshots() %}
    create table if not exists {{ manual_snapshots() }} (
        snapshot_time timestamp primary key,
        -- The first batch that had not landed when it was asked for.
        batch_id bigint not null
    );
    commit;
    begin
{% endmacro %}
