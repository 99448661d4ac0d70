{# Bars are counted by batches of their own: they may be built later than the fills they price. #}
{% macro seen_bars() -%}
    {%- if is_incremental() and execute -%}
        {%- set query = "select coalesce(max(batch_id), 0) from " ~ build_watermarks()
            ~ " where model = '" ~ this.name ~ ".bars'" -%}
        {{- run_query(query).columns[0].values()[0] -}}
    {%- else -%} 0
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: take out every valuation that a batch since the last build may have changed. #}
{% macro forget_from_revaluation() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using (
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
        ) as restarts
        where
            built.exchange = restarts.exchange
            and built.symbol = restarts.symbol
            and built.strategy_id = restarts.strategy_id
            and built.snapshot_time >= restarts.restart_at
    {%- endif -%}
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
