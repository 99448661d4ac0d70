{# A seed that is made anew is gone for nobody: dbt would drop it in a transaction of its own, before it
   makes the table. Whatever else runs then may read all seeds, as a model does that looks for changed
   reference data. #}
{% macro duckdb__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {% call statement('begin_seed') %} select 1 {% endcall %}
    {{ return(default__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
{% endmacro %}
