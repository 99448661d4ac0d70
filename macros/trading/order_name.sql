{# What the id of an order is made of: its id. A UUID that several orders have gets a prefix, so that it
   is hashed with the account, exchange and symbol (docs/adr/0166). #}
{% macro order_name(id) -%}
    case
        when
            {{ as_uuid(id) }} in (
                select shared.uuid from {{ ref('int_shared_order_ids') }} as shared
            )
            then 'order/' || {{ id }}
        else {{ id }}
    end
{%- endmacro %}
