{# Restarts of positions, of all symbols of a lineage from the first of them on: they are folded together
   (docs/adr/0180). `of`: what else a restart is of. #}
{% macro whole_lineage(restarts, lineages, of=['strategy_id']) -%}
    select
        restarts.account_id,
        restarts.exchange,
        coalesce(others.symbol, restarts.symbol) as symbol,
        {% for column in of %}
            restarts.{{ column }},
        {% endfor %}
        min(restarts.restart_at) as restart_at
    from {{ restarts }} as restarts
    left join {{ lineages }} as lineages on {{ same_key('restarts', 'lineages', ['exchange', 'symbol']) }}
    left join {{ lineages }} as others on {{ same_key('lineages', 'others', ['exchange', 'lineage']) }}
    group by all
{%- endmacro %}

{# Rows with the lineage of their symbol, and the book that they are of in it; the symbol and none, where
   nothing links it. #}
{% macro with_lineage(rows) -%}
    select
        {{ rows }}.*,
        coalesce(lineages.lineage, {{ rows }}.symbol) as lineage,
        lineages.symbol as book
    from {{ rows }}
    left join {{ ref('int_symbol_lineages') }} as lineages
        on {{ same_key(rows, 'lineages', ['exchange', 'symbol']) }}
{%- endmacro %}

{# Events with their step among those of a group, which are folded together, and of their own position: where
   nothing links its symbol to another one, that is the same. #}
{% macro numbered_steps(events, group, position) -%}
    with steps as (
        select
            *,
            row_number() over (
                partition by {{ columns_of(group) }}
                order by
                    event_at asc,
                    action_order asc nulls last,
                    sequence_number asc nulls last,
                    trade_number asc nulls last,
                    content_hash asc
            ) as step
        from {{ events }}
    )

    select
        *,
        step as own_step
    from steps
    where book is null
    union all
    select
        *,
        row_number() over (partition by {{ columns_of(position) }} order by step) as own_step
    from steps
    where book is not null
{%- endmacro %}

{# What was before a restart, and the newest row of each position of it. #}
{% macro before_restart(position) -%}
    select former.*
    from {{ this }} as former
    inner join {{ ref('int_positions_to_restate') }} as pending
        on
            {{ same_key('former', 'pending', position[:4]) }}
            and former.event_at < pending.restart_at
{%- endmacro %}

{% macro newest_before_restart(position) -%}
    {{ before_restart(position) }}
    qualify
        row_number() over (
            partition by {{ columns_of(position, 'former') }}
            order by former.event_number desc
        ) = 1
{%- endmacro %}

{# What fills had cost positions, from the restart of their valuations on, and by then. #}
{% macro costs_since_restart(position) -%}
    select costs.*
    from {{ ref('int_position_costs') }} as costs
    {% if is_incremental() %}
            semi join {{ ref('int_valuations_to_restate') }} as pending
                on
                    {{ same_key('costs', 'pending', position[:4]) }}
                    and costs.event_at >= pending.restart_at
        union all
        select costs.*
        from {{ ref('int_position_costs') }} as costs
        inner join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('costs', 'pending', position[:4]) }}
                and costs.event_at < pending.restart_at
        qualify
            row_number() over (
                partition by {{ columns_of(position, 'costs') }} order by costs.event_at desc
            ) = 1
    {% endif %}
{%- endmacro %}

{# A struct of columns; `a as b` is a under the name b. #}
{% macro struct_of(names, row) -%}
    {% raw %}{{% endraw %}
    {%- for name in names -%}
        '{{ name.split(' as ')[-1] }}': {{ row }}.{{ name.split(' as ')[0] }}{{ ', ' if not loop.last }}
    {%- endfor -%}
    {% raw %}}{% endraw %}
{%- endmacro %}
