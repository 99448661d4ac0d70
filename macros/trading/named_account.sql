{# The account, and NULL for `main`: an id made of the rest is what it was before there were accounts. #}
{% macro named_account(account_id='account_id') -%}
    nullif({{ account_id }}, 'main')
{%- endmacro %}
