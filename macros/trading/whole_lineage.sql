{# Restarts of positions, of all symbols of a lineage from the first of them on: they are folded together
   (docs/adr/0180). #}
{% macro whole_lineage(restarts, lineages) -%}
    select
        restarts.account_id,
        restarts.exchange,
        coalesce(others.symbol, restarts.symbol) as symbol,
        restarts.strategy_id,
        min(restarts.restart_at) as restart_at
    from {{ restarts }} as restarts
    left join {{ lineages }} as lineages on {{ same_key('restarts', 'lineages', ['exchange', 'symbol']) }}
    left join {{ lineages }} as others on {{ same_key('lineages', 'others', ['exchange', 'lineage']) }}
    group by all
{%- endmacro %}
