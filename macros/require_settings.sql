{# Stops a run before its first model where a variable of the project is not what it must be: dbt goes on
   after a hook that fails, but not after one that cannot be rendered.
   What an as_of that is yet to come moves stays moved. #}
{% macro require_settings() -%} {{ return(adapter.dispatch('require_settings')()) }} {%- endmacro %}

{% macro default__require_settings() %}
    {% if execute and flags.WHICH in ['build', 'run', 'retry', 'test', 'snapshot'] %}
        {% set text = "'" ~ (var('as_of') or "2000-01-01") | string | replace("'", "''") ~ "'" %}
        {% set time = "try_cast(" ~ text ~ " as timestamp)" %}
        {% call statement('settings', auto_begin=true) %}
        select error(string_agg(name || ' ' || given || ' is ' || fault, '; '))
        from (
            values
            ('as_of', {{ text }}, 'no time such as 2024-08-09 00:00:00', {{ time }} is not null),
            (
                'as_of', {{ text }},
                'yet to come: what it moves stays moved; give `force: true` in --vars if it is meant',
                coalesce({{ time }} <= now()::timestamp + interval 1 minute, true) or {{ var('force') }}
            ),
            {% for name, type, fault, is_right in [
                ('position_mark_interval', 'interval', 'no length such as 1 hour', '> interval 0 hours'),
                ('portfolio_eod_time', 'time', 'no time of day such as 21:00:00', 'is not null'),
                ('portfolio_timezone', 'varchar', 'no time zone', 'in (select name from pg_timezone_names())'),
            ] %}
                {% set value = "'" ~ var(name) | string | replace("'", "''") ~ "'" %}
                ('{{ name }}', {{ value }}, '{{ fault }}', try_cast({{ value }} as {{ type }}) {{ is_right }}){{ "," if not loop.last }}
            {% endfor %}
        ) as settings (name, given, fault, is_right)
        where is_right is distinct from true
        having count(*) > 0
        {% endcall %}
    {% endif %}
{% endmacro %}

{% macro spark__require_settings() -%} {%- endmacro %}
