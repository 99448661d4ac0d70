{# Whether a correction may mean a trade: it names the trade, and was not made before it by a clock that
   may be coarser than the trade's. #}
{% macro may_mean(correction, trade) -%}
    {{ same_key(correction, trade, ['exchange', 'symbol', 'trade_id']) }}
    and {{ correction }}.venue is not distinct from {{ trade }}.venue
    and (
        {{ correction }}.corrected_at >= {{ trade }}.timestamp
        or {{ is_truncation_of(correction ~ '.corrected_at', '0', trade ~ '.timestamp') }}
    )
{%- endmacro %}
