{# What shares of cash came to as `carry`, which is earned, or as `commission` or `fees`, which are spent. #}
{% macro paid_as(part) -%}
    sum(case when part = '{{ part }}' then {{ 'amount_in_quote' if part == 'carry' else '-amount_in_quote' }} else 0 end)
{%- endmacro %}
