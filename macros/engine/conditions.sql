{# The relation of two columns as one map. #}
{% macro as_map(key, value) -%} {{ return(adapter.dispatch('as_map')(key, value)) }} {%- endmacro %}

{% macro default__as_map(key, value) -%} map(list({{ key }}), list({{ value }})) {%- endmacro %}

{# The bits of all of a print's codes together, 0 without any; `book` maps feed and code to bits. #}
{% macro forbidden_by(book, feed, codes) -%} {{ return(adapter.dispatch('forbidden_by')(book, feed, codes)) }} {%- endmacro %}

{% macro default__forbidden_by(book, feed, codes) -%}
    coalesce(
        list_bit_or(
            list_transform({{ codes }}, lambda code: coalesce({{ book }}[{{ feed }} || ' ' || code], 0))
        ),
        0
    )
{%- endmacro %}

{% macro spark__as_map(key, value) -%}
    map_from_arrays(collect_list({{ key }}), collect_list({{ value }}))
{%- endmacro %}

{% macro spark__forbidden_by(book, feed, codes) -%}
    coalesce(
        aggregate(
            {{ codes }},
            0,
            (bits, code) -> bits | coalesce(try_element_at({{ book }}, {{ feed }} || ' ' || code), 0)
        ),
        0
    )
{%- endmacro %}
