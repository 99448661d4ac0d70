{# Trade order: (timestamp, sequence_number, trade_id as a number, content_hash). #}
{% macro trade_order() -%}
    timestamp, sequence_number nulls last, trade_number nulls last, content_hash
{%- endmacro %}

{# The first or last value in trade order among the rows that meet the condition. #}
{% macro first_traded(value, condition) -%}
    {{ return(adapter.dispatch('first_traded')(value, condition)) }}
{%- endmacro %}

{% macro default__first_traded(value, condition) -%}
    first({{ value }} order by {{ trade_order() }}) filter (where {{ condition }})
{%- endmacro %}

{% macro last_traded(value, condition) -%}
    {{ return(adapter.dispatch('last_traded')(value, condition)) }}
{%- endmacro %}

{% macro default__last_traded(value, condition) -%}
    last({{ value }} order by {{ trade_order() }}) filter (where {{ condition }})
{%- endmacro %}
