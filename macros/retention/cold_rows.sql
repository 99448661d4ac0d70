{# The rows of a relation that lie in Parquet files and still count: a view that `ingest`'s dbt plugin
   makes from the manifest raw.cold_files (python_ingest/storage/cold_views.py). #}
{% macro cold_rows(relation) -%} cold.{{ relation }} {%- endmacro %}

{# Whose rows may be cold, and which columns their files have: of what was landed the raw table's, of
   what is computed those of the mart's contract, without what the mart's view computes by itself. #}
{% macro make_cold_views() -%} {{ return(adapter.dispatch('make_cold_views')()) }} {%- endmacro %}

{% macro default__make_cold_views() %}
    {% if execute and flags.WHICH in ["build", "run", "test", "seed", "snapshot"] %}
        {% set views = {} %}
        {% for name in ["market_ticks", "system_metrics", "application_logs"] %}
            {% set columns = [] %}
            {% for column in adapter.get_columns_in_relation(source("raw", name)) %}
                {% do columns.append([column.name, column.dtype]) %}
            {% endfor %}
            {% do views.update({name: columns}) %}
        {% endfor %}
        {% for name in [
            "system_metrics_1h", "ohlcv_bars", "orders", "trades", "positions", "portfolio_snapshots"
        ] %}
            {% set columns = [] %}
            {% for column in graph.nodes["model." ~ project_name ~ "." ~ name].columns.values()
                if not column.meta.get("computed") %}
                {% do columns.append([column.name, column.data_type]) %}
            {% endfor %}
            {% do views.update({name: columns}) %}
        {% endfor %}
        {% set database = api.Relation.create(database=target.database, schema="cold") %}
        {% do adapter.store_relation("warehouse", database, [], "", "parquet", {"views": views}) %}
    {% endif %}
{% endmacro %}
