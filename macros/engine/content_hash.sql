{# What landing tells ticks apart by, of a tick as it landed: `content_hash` of feeds/values.py, where the text
   is explained. It is computed of the few ticks of which it is asked; kept, it was half of a cold tick's bytes. #}
{% macro content_hash_of_tick(ticks) -%}
    {%- set parts = [
        after_its_length(ticks ~ '.exchange'),
        after_its_length(ticks ~ '.symbol'),
        microseconds(ticks ~ '.timestamp') ~ '::' ~ dbt.type_string(),
        before_a_bar("'.' || " ~ ticks ~ '.nanoseconds'),
        before_a_bar(ticks ~ '.kind'),
        after_its_length(ticks ~ '.venue')
    ] -%}
    {%- for name in ['bid_price', 'ask_price', 'bid_size', 'ask_size', 'last_price', 'last_size', 'volume'] -%}
        {%- do parts.append(before_a_bar(decimal_text(ticks ~ '.' ~ name))) -%}
    {%- endfor -%}
    {%- do parts.append(before_a_bar(ticks ~ '.sequence_number')) -%}
    {%- do parts.append(after_its_length(ticks ~ '.trade_id')) -%}
    {%- do parts.append(after_its_length(as_json(ticks ~ '.conditions'))) -%}
    {%- do parts.append(after_its_length(ticks ~ '.tape')) -%}
    {{ stable_id(parts, "''") }}
{%- endmacro %}

{# Two parts of that text: a text and its length in bytes, or anything that has no bar in it. #}
{% macro after_its_length(text) -%} {{ byte_length(text) }}, ':', {{ text }} {%- endmacro %}

{% macro before_a_bar(value) -%} ({{ value }})::{{ dbt.type_string() }}, '|' {%- endmacro %}

{# A DECIMAL(18, 8) with all its digits; Spark's own text of a small one has an exponent. #}
{% macro decimal_text(value) -%} {{ return(adapter.dispatch('decimal_text')(value)) }} {%- endmacro %}

{% macro default__decimal_text(value) -%} {{ value }}::varchar {%- endmacro %}

{% macro spark__decimal_text(value) -%}
    if({{ value }} < 0, '-', '')
    || abs({{ value }})::bigint
    || '.'
    || lpad(((abs({{ value }}) * 100000000)::decimal(26, 0) % 100000000)::string, 8, '0')
{%- endmacro %}

{# How many bytes a text has in UTF-8, as text. #}
{% macro byte_length(text) -%} {{ return(adapter.dispatch('byte_length')(text)) }} {%- endmacro %}

{% macro default__byte_length(text) -%} strlen({{ text }})::varchar {%- endmacro %}

{% macro spark__byte_length(text) -%} cast(octet_length({{ text }}) as string) {%- endmacro %}

{# A list of texts as JSON. #}
{% macro as_json(list) -%} {{ return(adapter.dispatch('as_json')(list)) }} {%- endmacro %}

{% macro default__as_json(list) -%} to_json({{ list }})::varchar {%- endmacro %}

{% macro spark__as_json(list) -%} to_json({{ list }}) {%- endmacro %}
