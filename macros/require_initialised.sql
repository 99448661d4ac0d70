{# Stop with one line when the raw schema is missing, instead of failing model by model. #}
{% macro require_initialised() -%} {{ return(adapter.dispatch('require_initialised')()) }} {%- endmacro %}

{% macro default__require_initialised() %}
    {% if execute and flags.WHICH in ["build", "run", "test", "seed", "snapshot"] %}
        {% set raw = adapter.get_relation(target.database, "state", "chains") %}
        {% if raw is none %}
            {% do exceptions.raise_compiler_error("The database is not initialised: run `ingest init`.") %}
        {% endif %}
    {% endif %}
{% endmacro %}

{% macro spark__require_initialised() -%} {%- endmacro %}
