{# Orders that a batch since this model's last build may have changed. #}
{% macro touched_orders() -%}
    select (exchange, symbol, order_id)
    from {{ ref('int_touched_orders') }}
    where batch_id > {{ seen_batch() }}
{%- endmacro %}

{# Pre-hook: take out what those orders had; the model then puts in what they have. #}
{% macro forget_touched_orders(order_id='order_id') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where (exchange, symbol, {{ order_id }}) in ({{ touched_orders() }})
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: their rows in Parquet do not count any more either. #}
{% macro forget_touched_cold_orders() -%}
    {{ forget_cold(
        'orders', 'order_id', 'created_at',
        "select min(event_time) from " ~ landed('orders')
        ~ " where (exchange, symbol, order_id) in (" ~ touched_orders() ~ ")",
        "(cold.exchange, cold.symbol, cold.source_order_id) in (" ~ touched_orders() ~ ")"
    ) }}
{%- endmacro %}

{# From when on each position may look different since this model's last build. #}
{% macro position_restarts() -%}
    select
        exchange,
        symbol,
        strategy_id,
        min(restart_at) as restart_at
    from {{ ref('int_position_restarts') }}
    where batch_id > {{ seen_batch() }}
    group by exchange, symbol, strategy_id
{%- endmacro %}

{# Pre-hook: take out what positions were from there on; the model then puts it in anew. #}
{% macro forget_from_restart(event_at) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using ({{ position_restarts() }}) as restarts
        where
            built.exchange = restarts.exchange
            and built.symbol = restarts.symbol
            and built.strategy_id = restarts.strategy_id
            and coalesce(built.{{ event_at }}, 'infinity'::timestamp) >= restarts.restart_at
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: the same for trades in Parquet. #}
{% macro forget_cold_trades_from_restart() -%}
    {{ forget_cold(
        'trades', 'trade_id', 'executed_at',
        "select min(restart_at) from (" ~ position_restarts() ~ ")",
        "exists (select 1 from (" ~ position_restarts() ~ ") as restarts"
        ~ " where cold.exchange = restarts.exchange and cold.symbol = restarts.symbol"
        ~ " and cold.strategy_id = restarts.strategy_id"
        ~ " and cold.executed_at >= restarts.restart_at)"
    ) }}
{%- endmacro %}
