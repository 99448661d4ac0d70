{# The models that follow a batch from its events on; each has a watermark of its own. #}
{% macro order_models() -%} {{ return(['int_fills', 'orders_warm']) }} {%- endmacro %}

{% macro valuation_models() -%}
    {{ return([
        'int_position_valuations', 'int_position_drawdowns', 'positions_warm',
        'int_currency_balances', 'int_portfolio_values', 'portfolio_snapshots_warm', 'round_trips'
    ]) }}
{%- endmacro %}

{% macro position_models() -%}
    {{ return(['int_position_states', 'trades_warm', 'int_round_trip_legs'] + valuation_models()) }}
{%- endmacro %}

{# The newest batch that all of these models have seen, as a literal: what came later is new to one
   of them at least. Where none was built yet, each will read everything. #}
{% macro seen_by_all(models, what='') -%}
    {%- set landed = landed_batch() -%}
    {%- if execute and adapter.get_relation(target.database, target.schema, 'build_watermarks') -%}
        {%- set suffix = '.' ~ what if what else '' -%}
        {{- run_query(
            "select coalesce(min(batch_id), " ~ landed ~ ") from " ~ build_watermarks()
            ~ " where model in ('" ~ models | join(suffix ~ "', '") ~ suffix ~ "')"
        ).columns[0].values()[0] -}}
    {%- else -%} {{- landed -}}
    {%- endif -%}
{%- endmacro %}

{# Post-hook of int_trading_inputs: what it found changed counts as landed with the newest batch, so
   no model has seen that batch yet. #}
{% macro reopen_what_inputs_changed() -%}
    update {{ build_watermarks() }}
    set batch_id = least(batch_id, {{ landed_batch() }} - 1)
    where
        model in ('{{ (order_models() + position_models()) | join("', '") }}')
        and exists (
            select 1 from {{ this }}
            where changed_by = '{{ invocation_id }}' and changed_in_batch > 0
        )
{%- endmacro %}

{# What a model of `events` joins changed reference data on: it names an instrument, an exchange or,
   as a setting, everything. #}
{% macro is_named_by(inputs, events) -%}
    {{ inputs }}.exchange in ('', {{ events }}.exchange)
    and {{ inputs }}.symbol in ('', {{ events }}.symbol)
{%- endmacro %}

{# Orders that a batch since this model's last build may have changed. #}
{% macro touched_orders() -%}
    select
        exchange,
        symbol,
        order_id
    from {{ ref('int_orders_to_restate') }}
    where batch_id > {{ seen_batch() }}
{%- endmacro %}

{# The first event of any of them, as a literal, so that older row groups are not read. #}
{% macro touched_orders_since() -%}
    {{- earliest(
        "select min(first_event_at) from " ~ ref('int_orders_to_restate')
        ~ " where batch_id > " ~ seen_batch()
    ) -}}
{%- endmacro %}

{# Pre-hook: take out what those orders had; the model then puts in what they have. #}
{% macro forget_touched_orders(at, order_id='order_id') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using ({{ touched_orders() }}) as touched
        where
            built.exchange = touched.exchange
            and built.symbol = touched.symbol
            and built.{{ order_id }} = touched.order_id
            and built.{{ at }} >= {{ touched_orders_since() }}
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: their rows in Parquet do not count any more either. #}
{% macro forget_touched_cold_orders() -%}
    {{ forget_cold(
        'orders', 'order_id', 'created_at',
        "select min(first_event_at) from " ~ ref('int_orders_to_restate')
        ~ " where batch_id > " ~ seen_batch(),
        "exists (select 1 from (" ~ touched_orders() ~ ") as touched"
        ~ " where cold.exchange = touched.exchange and cold.symbol = touched.symbol"
        ~ " and cold.source_order_id = touched.order_id)"
    ) }}
{%- endmacro %}

{# From when on each position may look different since this model's last build. #}
{% macro position_restarts() -%}
    select
        exchange,
        symbol,
        strategy_id,
        min(restart_at) as restart_at
    from {{ ref('int_positions_to_restate') }}
    where batch_id > {{ seen_batch() }}
    group by exchange, symbol, strategy_id
{%- endmacro %}

{# The earliest of these times, as a literal. #}
{% macro position_restarts_since() -%}
    {{- earliest("select min(restart_at) from (" ~ position_restarts() ~ ")") -}}
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
            and built.{{ event_at }} >= restarts.restart_at
            and built.{{ event_at }} >= {{ position_restarts_since() }}
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

{# What a query answers, a time or NULL, as a literal: DuckDB skips row groups by literals. #}
{% macro earliest(query) -%}
    {%- set found = run_query(query).columns[0].values()[0] if execute else none -%}
    timestamp '{{ found if found is not none else 'infinity' }}'
{%- endmacro %}
