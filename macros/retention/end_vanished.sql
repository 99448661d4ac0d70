{# Ends what a snapshot says of rows that are no longer in its relation, but for those of archived days:
   they did not change, and come back with their day. #}
{% macro end_vanished(relation, id, time) -%}
    update {{ this }}
    set dbt_valid_to = {{ snapshot_get_time() }}
    where
        dbt_valid_to is null
        and {{ id }} not in (select {{ id }} from {{ relation }})
        and {{ time }}::date not in (
            select date from raw.cold_files
            where relation = '{{ relation.identifier }}' and state = 'archived'
        )
{%- endmacro %}
