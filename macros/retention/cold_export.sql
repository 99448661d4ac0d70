{# Moves the rows that the model `export_<relation>` selects from DuckDB to Parquet. Each row says
   whether it is kept; what is not leaves without a file. `ingest`'s dbt plugin does it
   (python_ingest/lifecycle/export.py): SQL knows neither rename nor fsync. #}
{% materialization cold_export, adapter="duckdb" %}
    {% set relation = model.name | replace("export_", "") %}
    {{ run_hooks(pre_hooks) }}
    {% do adapter.store_relation("warehouse", this, [], "", "parquet", {
        "export": relation,
        "sql": compiled_code,
        "per_symbol": retention_policy(relation).folder_per_symbol,
    }) %}
    {% call noop_statement("main", "EXPORTED " ~ relation) %}{% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": []}) }}
{% endmaterialization %}

{# A relation's row of the seed; without one its rows stay. #}
{% macro retention_policy(relation) %}
    {% set policies = ref("retention_policies") %}
    {% if execute and load_relation(policies) is not none %}
        {% set found = run_query(
            "select leaves_before, folder_per_symbol from (select *, date_trunc('day', " ~ landed_until("raw.landings")
            ~ " - to_days(keep_days))::timestamp as leaves_before from " ~ policies
            ~ ") where relation = '" ~ relation ~ "'"
        ).rows %}
        {% for row in found %}
            {{ return({"leaves_before": row[0], "folder_per_symbol": row[1]}) }}
        {% endfor %}
    {% endif %}
    {{ return({"leaves_before": none, "folder_per_symbol": false}) }}
{% endmacro %}

{# Windows count back from `as_of`, or from the newest landed moment where that is earlier.
   Days that ended before this instant are beyond the relation's window: a literal, since DuckDB skips
   row groups by literals only. #}
{% macro leaves_before(relation) -%}
    {%- set policy = retention_policy(relation) -%}
    {%- if policy.leaves_before is none -%}
        null::timestamp
    {%- else -%}
        timestamp '{{ policy.leaves_before }}'
    {%- endif -%}
{%- endmacro %}
