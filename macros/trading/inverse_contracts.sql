{# Pre-hook: an inverse contract (margined, and settled in what it is a contract on) would be accounted
   for as a linear one. #}
{% macro refuse_inverse_contracts() %}
    {% set query %}
        select exchange || ' ' || symbol
        from {{ ref('instruments') }}
        where margined and base_currency = quote_currency
        order by exchange, symbol
    {% endset %}
    {% if execute and flags.WHICH in ['run', 'build'] %}
        {% set found = run_query(query).columns[0].values() | join(', ') %}
        {% if found %}
            {% do exceptions.raise_compiler_error(
                "Inverse contracts are not supported: " ~ found ~ ". Take them out of"
                ~ " seeds/instruments.csv and leave their order events out, or model their P&L first"
                ~ " (docs/adr/0026)."
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}
