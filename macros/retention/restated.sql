{# Every row of a relation that lies in a file, also what is warm again or has a tombstone. #}
{% macro rows_in_files(relation) -%}
    cold.{{ relation }}_in_files
{%- endmacro %}

{# Statement: the cold rows for which `condition` holds (over `cold`) do not count any more; what takes
   their place is warm. `since` is a query for an instant that none of them lies before: as a
   literal it spares looking into files when all is recent. #}
{% macro forget_cold(relation, id, time, since, condition) -%}
    {%- if execute and is_incremental() -%}
        {%- set first = run_query(since).columns[0].values()[0] -%}
        {%- if first is not none %}
            insert into warm.tombstones
            select
                '{{ relation }}' as relation,
                cold.{{ id }}::varchar as id
            from {{ cold_rows(relation) }} as cold
            where
                cold.{{ time }} >= timestamp '{{ first }}'
                and cold.date >= timestamp '{{ first }}'::date
                and {{ condition }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Post-hook of a table built from nothing: what lies in files and was not built is no row any more. #}
{% macro forget_what_was_not_built(relation, id) -%}
    {{ return(adapter.dispatch('forget_what_was_not_built')(relation, id)) }}
{%- endmacro %}

{% macro default__forget_what_was_not_built(relation, id) -%}
    {%- if execute and not is_incremental() -%}
        insert into warm.tombstones
        select
            '{{ relation }}' as relation,
            {{ id }}::varchar as id
        from {{ cold_rows(relation) }}
    {%- endif -%}
{%- endmacro %}

{# A condition on the hive column `date` for the dates in a query: literals, so that only their files
   are opened. #}
{% macro in_dates(dates_sql, column='date') -%}
    {%- set dates = [] -%}
    {%- if execute -%}
        {%- for row in run_query("select distinct * from (" ~ dates_sql ~ ") order by 1").rows -%}
            {%- do dates.append("date '" ~ row[0] ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if dates | length > 200 -%}
        {{ column }} between {{ dates[0] }} and {{ dates[-1] }}
    {%- elif dates -%}
        {{ column }} in ({{ dates | join(', ') }})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{% macro spark__forget_what_was_not_built(relation, id) -%} {%- endmacro %}
