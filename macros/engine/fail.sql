{# Stops the query that computes it, with a message. #}
{% macro fail(message) -%} {{ return(adapter.dispatch('fail')(message)) }} {%- endmacro %}

{% macro default__fail(message) -%} error({{ message }}) {%- endmacro %}

{% macro spark__fail(message) -%} raise_error({{ message }}) {%- endmacro %}
