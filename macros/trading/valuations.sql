{# Bars are counted by batches of their own: they may be built later than the fills they price. #}
{% macro seen_bars() -%}
    {%- if is_incremental() and execute -%}
        {%- set query = "select coalesce(max(batch_id), 0) from " ~ build_watermarks()
            ~ " where model = '" ~ this.name ~ ".bars'" -%}
        {{- run_query(query).columns[0].values()[0] -}}
    {%- else -%} 0
    {%- endif -%}
{%- endmacro %}

{# From when on each position is to be valued anew. #}
{% macro valuation_restarts() -%}
    select
        exchange,
        symbol,
        strategy_id,
        min(restart_at) as restart_at
    from {{ ref('int_valuation_restarts') }}
    where
        (cause = 'events' and batch_id > {{ seen_batch() }})
        or (cause = 'bars' and batch_id > {{ seen_bars() }})
    group by exchange, symbol, strategy_id
{%- endmacro %}

{# Pre-hook: take out every valuation that a batch since the last build may have changed. #}
{% macro forget_from_revaluation() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using ({{ valuation_restarts() }}) as restarts
        where
            built.exchange = restarts.exchange
            and built.symbol = restarts.symbol
            and built.strategy_id = restarts.strategy_id
            and built.snapshot_time >= restarts.restart_at
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: the same for rows of positions in Parquet. #}
{% macro forget_cold_positions() -%}
    {{ forget_cold(
        'positions', 'position_id', 'snapshot_time',
        "select min(restart_at) from (" ~ valuation_restarts() ~ ")",
        "exists (select 1 from (" ~ valuation_restarts() ~ ") as restarts"
        ~ " where cold.exchange = restarts.exchange and cold.symbol = restarts.symbol"
        ~ " and cold.strategy_id = restarts.strategy_id"
        ~ " and cold.snapshot_time >= restarts.restart_at)"
    ) }}
{%- endmacro %}

{# Post-hook: this model has now seen these events and these bars. #}
{% macro remember_valuation(upstream, bars) -%}
    {{ remember_batch_of(upstream) }}
    union all
    select
        '{{ this.name }}.bars' as model,
        coalesce(max({{ bars[1] }}), 0) as batch_id
    from {{ bars[0] }}
{%- endmacro %}
