{# Every row of a relation that lies in a file, also what is warm again or has a tombstone. #}
{% macro rows_in_files(relation) -%}
    cold.{{ relation }}_in_files
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
