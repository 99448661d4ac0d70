{# What complete bars said before they changed: never rebuilt. The marks are those of the run before, as
   readers saw the bars. #}
{% macro record_bar_revisions(existing, differing) -%}
    {%- set marks = adapter.get_relation(this.database, 'intermediate', 'int_exchange_high_water_marks') -%}
    {%- if marks is not none %}
        insert into warm.ohlcv_bar_revisions by name
        select
            bars.* exclude (ends_at, built_batch_id, built_at),
            bars.built_at as valid_from,
            {{ build_time() }} as valid_to
        from (
            select * exclude (built_run) from {{ existing }}
            union all by name
            select * exclude (date, is_complete) from {{ cold_rows('ohlcv_bars') }}
            where date in (select timestamp::date from {{ differing }})
        ) as bars
        inner join {{ differing }} as differing
            on
                bars.exchange = differing.exchange
                and bars.symbol = differing.symbol
                and bars.timeframe = differing.timeframe
                and bars.timestamp = differing.timestamp
        inner join {{ marks }} as marks on bars.exchange = marks.exchange
        where bars.ends_at <= marks.complete_until;
    {%- endif -%}
{%- endmacro %}

{# A bar's id, of a relation with its natural key. #}
{% macro bar_id(relation) -%}
    {{ stable_id([
        relation ~ '.exchange',
        relation ~ '.symbol',
        relation ~ '.timeframe',
        microseconds(relation ~ '.timestamp'),
    ]) }}
{%- endmacro %}
