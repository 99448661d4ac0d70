{# Stops a run that would make whole what is made of ticks, without the days that lie in the
   archive only. #}
{% macro require_all_ticks() -%} {{ return(adapter.dispatch('require_all_ticks')()) }} {%- endmacro %}

{% macro default__require_all_ticks() %}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {% for node in graph.nodes.values()
            if node.unique_id in selected_resources
            and node.config.materialized == 'incremental'
            and node.config.meta.chain in ['ticks', 'feeds']
            and (flags.FULL_REFRESH or node.config.meta.chain not in graph.complete_chains) %}
            {% call statement('all_ticks') %}
            select error(
                '{{ node.name }} would be built without the archived ticks: run `ingest archive restore'
                || ' market_ticks ' || min(date) || ' ' || max(date) || '` first.'
            )
            from raw.cold_files
            where relation = 'market_ticks' and state = 'archived'
            having count(*) > 0
            {% endcall %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{% macro spark__require_all_ticks() -%} {%- endmacro %}
