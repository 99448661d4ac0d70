{# CTEs of a recursive query that follow chains of corrections: one may name a fill by its trade id, or by
   the exchange's id within its order, or a former correction, whose names it takes over. `begun`: CTE of
   the corrections to begin with (key and event_id); `corrections`: CTE of all. `named` is one row per
   correction begun with and name; is_trade_id: it holds in any order. #}
{% macro correction_names(begun, corrections) -%}
    {%- set event = ['account_id', 'exchange', 'symbol', 'event_id'] -%}
    {%- set columns = 'account_id, exchange, symbol, event_id, order_id' -%}
    given_names as (

        select {{ columns }}, trade_id as name, true as is_trade_id
        from {{ corrections }}
        where trade_id is not null
        union
        select {{ columns }}, exchange_trade_id as name, false as is_trade_id
        from {{ corrections }}
        where exchange_trade_id is not null

    ),

    {# An event's id holds in any order of its symbol. #}
    own_names as (

        select {{ columns }}, event_id as name, true as is_event_id
        from {{ corrections }}
        union
        select {{ columns }}, exchange_trade_id as name, false as is_event_id
        from {{ corrections }}
        where exchange_trade_id is not null

    ),

    named as (

        select given_names.*
        from given_names
        semi join {{ begun }} on {{ same_key('given_names', begun, event) }}
        union
        select
            named.account_id,
            named.exchange,
            named.symbol,
            named.event_id,
            given_names.order_id,
            given_names.name,
            given_names.is_trade_id
        from named
        inner join own_names
            on
                {{ same_key('named', 'own_names', ['account_id', 'exchange', 'symbol', 'name']) }}
                and (own_names.is_event_id or own_names.order_id = named.order_id)
        inner join given_names on {{ same_key('own_names', 'given_names', event) }}

    )
{%- endmacro %}
