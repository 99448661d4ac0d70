{# Lists: every macro has DuckDB's form and Spark's side by side; tests/engine/ holds them to one
   result. #}

{# The parts of a text that `|` separates. #}
{% macro parts_of(text) -%} {{ return(adapter.dispatch('parts_of')(text)) }} {%- endmacro %}

{% macro default__parts_of(text) -%} string_split({{ text }}, '|') {%- endmacro %}

{% macro spark__parts_of(text) -%} split({{ text }}, '[|]') {%- endmacro %}

{# A row for each element. #}
{% macro each_of(list) -%} {{ return(adapter.dispatch('each_of')(list)) }} {%- endmacro %}

{% macro default__each_of(list) -%} unnest({{ list }}) {%- endmacro %}

{% macro spark__each_of(list) -%} explode({{ list }}) {%- endmacro %}

{# All columns but some. #}
{% macro exclude_columns(columns, relation='') -%} {{ return(adapter.dispatch('exclude_columns')(columns, relation)) }} {%- endmacro %}

{% macro default__exclude_columns(columns, relation) -%}
    {{ relation ~ '.' if relation }}* exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__exclude_columns(columns, relation) -%}
    {{ relation ~ '.' if relation }}* except ({{ columns | join(', ') }})
{%- endmacro %}

{# After `union all`: columns are matched by name. Spark matches by place, so both sides must have
   them in one order. #}
{% macro by_name() -%} {{ return(adapter.dispatch('by_name')()) }} {%- endmacro %}

{% macro default__by_name() -%} by name {%- endmacro %}

{% macro spark__by_name() -%} {%- endmacro %}
