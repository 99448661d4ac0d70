{# Stops a run before its first model where a variable of the project is not what it must be: dbt goes on
   after a hook that fails, but not after one that cannot be rendered.
   What an as_of that is yet to come moves stays moved. #}
{% macro require_settings() -%} {{ return(adapter.dispatch('require_settings')()) }} {%- endmacro %}

{% macro default__require_settings() %}
    {% if execute and flags.WHICH in ['build', 'run', 'retry', 'test', 'snapshot'] %}
        {% set settings = [
            ('as_of', 'timestamp', 'no time such as 2024-08-09 00:00:00', 'is not null'),
            ('as_of', 'timestamp', 'yet to come: what it moves stays moved; give `force: true` in --vars if it is meant',
                '<= now()::timestamp + interval 1 minute is not false or ' ~ var('force')),
            ('base_currency', 'varchar', 'no currency such as USD', "similar to '[A-Z0-9]+'"),
            ('position_mark_interval', 'interval', 'no length such as 1 hour', '> interval 0 hours'),
            ('portfolio_eod_time', 'time', 'no time of day such as 21:00:00', 'is not null'),
            ('portfolio_timezone', 'varchar', 'no time zone', 'in (select name from pg_timezone_names())'),
            ('days_per_year', 'integer', 'neither 252 nor 365', 'in (252, 365)'),
            ('risk_free_rate', 'decimal(10, 6)', 'no ratio such as 0.04', 'between -0.5 and 1'),
        ] %}
        {% set names = ['force', 'collected'] + settings | map('first') | unique | list %}
        {% for name in invocation_args_dict.get('vars', {}) if name not in names %}
            {% do exceptions.raise_compiler_error("--vars " ~ name ~ ": no such setting, only " ~ names | join(', ')) %}
        {% endfor %}
        {% call statement('settings', auto_begin=true) %}
        select error(string_agg(name || ' ' || given || ' is ' || fault, '; '))
        from (
            values
            {% for name, type, fault, is_right in settings %}
                {% set value = "'" ~ (var(name) | string or '2000-01-01') | replace("'", "''") ~ "'" %}
                ('{{ name }}', {{ value }}, '{{ fault }}', try_cast({{ value }} as {{ type }}) {{ is_right }}){{ "," if not loop.last }}
            {% endfor %}
        ) as settings (name, given, fault, is_right)
        where is_right is distinct from true
        having count(*) > 0
        {% endcall %}
    {% endif %}
{% endmacro %}

{% macro spark__require_settings() -%} {%- endmacro %}
