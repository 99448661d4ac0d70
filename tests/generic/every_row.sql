{# What each row of a model says: these columns are never NULL, and these expressions are true. One test for
   all of them, since dbt takes as long for a test as its query does. Its rows say what is wrong, and of how
   many rows. #}
{% test every_row(model, not_null=[], expressions=[]) %}

{{ config(fail_calc="coalesce(cast(sum(wrong_rows) as bigint), 0)") }}

{%- set faults = [] %}
{%- for column in not_null %}{% do faults.append(column ~ " is null") %}{% endfor %}
{%- for expression in expressions %}{% do faults.append("(" ~ expression ~ ") is not true") %}{% endfor %}

select
    concat_ws(
        '; ',
        {% for fault in faults -%}
        case when {{ fault }} then '{{ fault | replace("'", "''") }}' end{{ "," if not loop.last }}
        {% endfor -%}
    ) as wrong,
    count(*) as wrong_rows
from {{ model }}
where
    {{ faults | join("\n    or ") }}
group by wrong

{% endtest %}
