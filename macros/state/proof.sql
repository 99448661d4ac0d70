{# Whether a time lies in a day, or beside one (a trading day may span two), of which minute bars changed
   after the last run in which every data test passed. Data tests whose cost would grow with history
   look at those days only. Literals: DuckDB skips no row group by a list of days. #}
{% macro is_unproven(column) -%} {{ return(adapter.dispatch('is_unproven')(column)) }} {%- endmacro %}

{% macro default__is_unproven(column) -%}
    {%- set minute_bars, chains, spans = ref('int_minute_bars'), ref('stg_chains'), [] -%}
    {%- if not execute or flags.FULL_REFRESH or load_relation(minute_bars) is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set days = run_query(
        "select distinct minute::date from " ~ minute_bars ~ " where built_run > coalesce((select"
        ~ " run_number from " ~ chains ~ " where chain = 'data tests'), -1) order by 1"
    ).columns[0].values() -%}
    {%- set day = modules.datetime.timedelta(days=1) -%}
    {%- for date in days -%}
        {%- if spans and date - day <= spans[-1][1] -%}
            {%- do spans.append((spans.pop()[0], date + 2 * day)) -%}
        {%- else -%}
            {%- do spans.append((date - day, date + 2 * day)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if spans | length > 50 -%}{%- set spans = [(spans[0][0], spans[-1][1])] -%}{%- endif -%}
    ({% for first, until in spans -%}
        {{ column }} >= timestamp '{{ first }}' and {{ column }} < timestamp '{{ until }}'
        {%- if not loop.last %} or {% endif -%}
    {% else %}false{% endfor %})
{%- endmacro %}

{% macro spark__is_unproven(column) -%} true {%- endmacro %}
