{# An inverse contract is accounted for as a linear one whose price is -1 / price: what a long one pays is
   negative, and grows with the price (docs/adr/0180). #}

{# What a quantity of it costs at a price, without the multiplier; NULL at a price of 0. #}
{% macro inverse_cost(quantity, price) -%}
    coalesce(
        {{ divide_in_integers('-' ~ scaled_wide(quantity), scaled_wide(price), 20) }}::decimal(38, 20),
        try_cast({{ divide_in_integers('-' ~ scaled_wide(quantity), scaled_wide(price), 12) }} as decimal(38, 20))
    )
{%- endmacro %}

{# The price at which a quantity of it costs so much; 0 where it costs nothing. #}
{% macro inverse_price(quantity, cost) -%}
    case when {{ cost }} = 0 then 0 else coalesce(
        {{ divide_in_integers('-' ~ scaled_wide(quantity), units_of_cost(cost), 10, -10) }},
        {{ divide_in_integers('-' ~ scaled_wide(quantity), units_of_cost(cost) ~ ' // 100000000', 10, -2) }}
    ) end::decimal(38, 10)
{%- endmacro %}

{# How many 1e-20 a cost counts: as text, since 10^20 of them have no room in a product. #}
{% macro units_of_cost(cost) -%} replace(({{ cost }})::decimal(38, 20)::varchar, '.', '')::hugeint {%- endmacro %}

{# What a quantity is worth at a price, without the multiplier, of either kind of contract. #}
{% macro worth(quantity, price, is_inverse) -%}
    case when {{ is_inverse }} then {{ inverse_cost(quantity, price) }} else {{ quantity }} * {{ price }} end
{%- endmacro %}

{# What a unit of a quantity was paid, of either kind of contract. #}
{% macro price_paid(paid, quantity, is_inverse) -%}
    case
        when {{ is_inverse }} then {{ inverse_price(quantity, paid) }} else {{ unit_cost(paid, quantity) }}
    end::decimal(28, 10)
{%- endmacro %}
