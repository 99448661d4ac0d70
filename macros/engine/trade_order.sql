{# Trade order: time with nanoseconds, sequence number, trade id as a number, place in the file; what nothing
   orders, by price and size. #}
{% macro trade_order() -%}
    timestamp, coalesce(nanoseconds, 0), sequence_number nulls last, trade_number nulls last, place nulls last, price, size
{%- endmacro %}

{# The first or last value in trade order among the rows that meet the condition. #}
{% macro first_traded(value, condition) -%} {{ return(adapter.dispatch('first_traded')(value, condition)) }} {%- endmacro %}

{% macro default__first_traded(value, condition) -%}
    first({{ value }} order by {{ trade_order() }}) filter (where {{ condition }})
{%- endmacro %}

{% macro last_traded(value, condition) -%} {{ return(adapter.dispatch('last_traded')(value, condition)) }} {%- endmacro %}

{% macro default__last_traded(value, condition) -%}
    last({{ value }} order by {{ trade_order() }}) filter (where {{ condition }})
{%- endmacro %}

{# The first parts of trade order within a minute as one BIGINT, which aggregates at a third of the
   price: microseconds (26 bits), then the low 37 bits of the sequence number. A tick with nanoseconds
   comes after those without, as one without a number does. It tells ticks of one minute apart as trade
   order does unless two have the same value, or their numbers' high bits differ: is_order_unsure says
   where. #}
{% macro packed_order() -%} {{ return(adapter.dispatch('packed_order')()) }} {%- endmacro %}

{% macro default__packed_order() -%}
    ((epoch_us(timestamp) % 60000000) << 37)
    + case
        when nanoseconds > 0 then 137438953471
        else coalesce(sequence_number & 137438953471, 137438953471)
    end
{%- endmacro %}

{# Whether the first or the last of a minute's ticks by packed_order may be another by trade order. #}
{% macro is_order_unsure(sets_last) -%} {{ return(adapter.dispatch('is_order_unsure')(sets_last)) }} {%- endmacro %}

{% macro default__is_order_unsure(sets_last) -%}
    {%- set firsts = "min(case when " ~ sets_last ~ " > 0 then packed_order end, 2)" -%}
    {%- set lasts = "max(case when " ~ sets_last ~ " = 2 then packed_order end, 2)" -%}
    coalesce({{ firsts }}[1] = {{ firsts }}[2], false)
    or coalesce({{ lasts }}[1] = {{ lasts }}[2], false)
    or coalesce((min(sequence_number) >> 37) <> (max(sequence_number) >> 37), false)
{%- endmacro %}

{# The whole trade order as one value, which is sure; in a row that is compared NULLs come first. #}
{% macro spark__packed_order() -%}
    (
        timestamp,
        coalesce(nanoseconds, 0),
        sequence_number is null,
        sequence_number,
        trade_number is null,
        trade_number,
        place is null,
        place,
        price,
        size
    )
{%- endmacro %}

{% macro spark__is_order_unsure(sets_last) -%} false {%- endmacro %}

{% macro spark__first_traded(value, condition) -%}
    min_by({{ value }}, {{ spark__packed_order() }}) filter (where {{ condition }})
{%- endmacro %}

{% macro spark__last_traded(value, condition) -%}
    max_by({{ value }}, {{ spark__packed_order() }}) filter (where {{ condition }})
{%- endmacro %}

{# The value that is not NULL at the smallest, or the largest, `at`. #}
{% macro first_known(value, at) -%} {{ return(adapter.dispatch('first_known')(value, at)) }} {%- endmacro %}

{% macro default__first_known(value, at) -%} arg_min({{ value }}, {{ at }}) {%- endmacro %}

{% macro spark__first_known(value, at) -%}
    min_by({{ value }}, {{ at }}) filter (where {{ value }} is not null)
{%- endmacro %}

{% macro last_known(value, at) -%} {{ return(adapter.dispatch('last_known')(value, at)) }} {%- endmacro %}

{% macro default__last_known(value, at) -%} arg_max({{ value }}, {{ at }}) {%- endmacro %}

{% macro spark__last_known(value, at) -%}
    max_by({{ value }}, {{ at }}) filter (where {{ value }} is not null)
{%- endmacro %}
