{# How DuckDB keeps an incremental model. Its SELECT gives the rows of a region; what the table has of
   that region otherwise is replaced, and a row that is equal but for built_* stays as it is. The meta
   of a model says what its region is:

       region: {pending: int_positions_to_restate, by: [exchange, symbol], from: event_at}

   rows that agree with a row of `pending` in `by` (a mapping where names differ) and are not older
   than its restart_at (`from`; without it the region is whole). Without `pending` the region is the
   keys that the SELECT gives, with `region: everything` the whole table.
   unique_key tells rows apart, `time` skips row groups. Besides: `cold` (relation and id) is the cold
   relation that the rows may override, `followed` means that rows which vanish are noted for the
   chains below, `revised` that complete bars keep their former versions. #}
{% materialization incremental, adapter='duckdb' %}
    {% set existing = load_cached_relation(this) %}
    {% set target = this.incorporate(type='table') %}
    {% set region = config.get('meta', {}).get('region') %}
    {{ run_hooks(pre_hooks) }}
    {% if existing is none %}
        {% call statement('main') %}{{ create_table_as(false, target, compiled_code) }}{% endcall %}
        {% if config.get('meta', {}).cold %}
            {% call statement('cold') %}{{ note_differences(none, target, 'everything') }}{% endcall %}
        {% endif %}
    {% elif should_full_refresh() %}
        {% set rebuilt = make_intermediate_relation(target) %}
        {% do drop_relation_if_exists(load_cached_relation(rebuilt)) %}
        {% call statement('rebuilt') %}{{ create_table_as(false, rebuilt, compiled_code) }}{% endcall %}
        {% do remember_what_is_tried() %}
        {% call statement('main') %}
            {{ note_differences(existing, rebuilt, 'everything') }}
        {% endcall %}
        {% do adapter.drop_relation(existing) %}
        {% do adapter.rename_relation(rebuilt, target) %}
    {% elif sees_part_of_its_input() %}
        {% call noop_statement('main', 'NOTHING PENDING') %}{% endcall %}
    {% else %}
        {#- Also where nothing is pending: a complete chain remembers what reference data are now. -#}
        {% if config.get('meta', {}).reference_is_fixed %}
            {% call statement('reference') %}{{ require_same_reference() }}{% endcall %}
        {% endif %}
        {% if has_pending(region) %}
            {% set restated = api.Relation.create(identifier=this.identifier ~ '__restated') %}
            {% call statement('restated') %}
                create or replace temporary table {{ restated }} as {{ compiled_code }}
            {% endcall %}
            {% do remember_what_is_tried() %}
            {% call statement('main') %}
                {{ note_differences(existing, restated, region) }}
                {{ replace_what_differs(existing, restated) }}
            {% endcall %}
        {% else %}
            {% call noop_statement('main', 'NOTHING PENDING') %}{% endcall %}
        {% endif %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {% if load_result('tried') %}{% do graph.update({'tried': graph.get('tried', []) + [config.get('meta').chain]}) %}{% endif %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% macro has_pending(region) %}
    {% if region is not mapping %}{{ return(true) }}{% endif %}
    {{ return(run_query("select exists (from " ~ ref(region.pending) ~ ")").columns[0].values()[0]) }}
{% endmacro %}

{# Whether a row lies in the region; SQL over `pending`. #}
{% macro in_region(row, region) -%}
    {%- for column in region.by -%}
        {%- set named = region.by[column] if region.by is mapping else column -%}
        {{ row }}.{{ column }} = pending.{{ named }}{{ ' and ' if not loop.last or region.from }}
    {%- endfor -%}
    {%- if region.from -%} {{ row }}.{{ region.from }} >= pending.restart_at {%- endif -%}
    {%- if not region.by and not region.from -%} true {%- endif -%}
{%- endmacro %}

{# Which keys differ between what is there (warm and cold) and `new`; what vanished leaves a tombstone
   where cold rows may exist, and a note where a chain below follows. #}
{% macro note_differences(existing, new, region) %}
    {% set meta = config.get('meta', {}) %}
    {% set unique_key = config.require('unique_key') %}
    {% set key = [unique_key] if unique_key is string else unique_key %}
    {% set time = meta.time %}
    {% set columns = columns_to_compare(existing or new, new, region) %}
    {% if region is mapping %}
        select error(
            '{{ this.name }}: ' || count(*) || ' rows lie outside the region that {{ region.pending }} names,'
            || ' the first: ' || first(new)::varchar
        )
        from {{ new }} as new
        anti join {{ ref(region.pending) }} as pending on {{ in_region('new', region) }}
        having count(*) > 0;
    {% endif %}
    create or replace temporary table {{ this.identifier }}__differing as
    with

    existing as (

        {% if existing %}
            select
                {{ columns | join(', ') }},
                true as is_warm
            from {{ existing }} as warm
            {% if region is mapping %}
                semi join {{ ref(region.pending) }} as pending on {{ in_region('warm', region) }}
            {% elif region is not string %}
                semi join {{ new }} as new on {{ same_key('warm', 'new', key) }}
            {% endif %}
        {% endif %}
        {{ 'union all by name' if existing and meta.cold }}
        {% if meta.cold %}
            select
                {{ columns | join(', ') }},
                false as is_warm
            from {{ cold_rows(meta.cold.relation) }} as cold
            {% if region is mapping %}
                semi join {{ ref(region.pending) }} as pending on {{ in_region('cold', region) }}
                where {{ on_dates_of(region, time) }}
            {% elif region is not string %}
                semi join {{ new }} as new on {{ same_key('cold', 'new', key) }}
                where cold.date in (select {{ time }}::date from {{ new }})
            {% endif %}
        {% endif %}

    )

    select
        {% for column in key + ([time] if time and time not in key else []) %}
            coalesce(existing.{{ column }}, new.{{ column }}) as {{ column }},
        {% endfor %}
        {% if meta.cold %}existing.{{ meta.cold.id }}::varchar as cold_id,{% endif %}
        new.{{ key[0] }} is null as is_gone
    from existing
    full join {{ new }} as new on {{ same_key('existing', 'new', key) }}
    where
        existing.is_warm is null
        or new.{{ key[0] }} is null
        or (existing.{{ columns | join(', existing.') }})
        is distinct from (new.{{ columns | join(', new.') }});
    {#- First, while the cold rows still count. -#}
    {% if meta.revised and existing %}{{ record_bar_revisions(existing, this.identifier ~ '__differing') }}{% endif %}
    {% if meta.cold %}
        insert into warm.tombstones
        select
            '{{ meta.cold.relation }}' as relation,
            cold_id as id
        from {{ this.identifier }}__differing
        where
            is_gone
            and (
                cold_id in (
                    select cold.{{ meta.cold.id }}::varchar
                    from {{ rows_in_files(meta.cold.relation) }} as cold
                    {% if region is mapping %}where {{ on_dates_of(region, time) }}{% endif %}
                )
                or exists (
                    from raw.cold_files
                    where relation = '{{ meta.cold.relation }}' and state = 'archived'
                )
            );
    {% endif %}
    {% if meta.followed %}
        insert into state.vanished_rows
        select
            '{{ this.name }}' as relation,
            exchange,
            symbol,
            {{ time }} as vanished_at,
            {{ run_number() }} as run_number
        from {{ this.identifier }}__differing
        where is_gone;
    {% endif %}
{% endmacro %}

{# A full refresh may change the columns of a table; an increment that finds others says so. #}
{% macro columns_to_compare(existing, new, region) %}
    {% set there = adapter.get_columns_in_relation(existing) | map(attribute='name') | list %}
    {% set given = adapter.get_columns_in_relation(new) | map(attribute='name') | list %}
    {% if region != 'everything' and there | sort != given | sort %}
        {% do exceptions.raise_compiler_error(
            this.name ~ " has other columns than its table (" ~ (there | reject('in', given) | list
            + given | reject('in', there) | list) | join(', ') ~ "): run `dbt build --full-refresh --select "
            ~ this.name ~ "+`"
        ) %}
    {% endif %}
    {% set compared = [] %}
    {% for column in there if column in given and not column.startswith('built_') %}
        {% do compared.append(column) %}
    {% endfor %}
    {{ return(compared) }}
{% endmacro %}

{# Only the files of dates that the region reaches are opened. #}
{% macro on_dates_of(region, time) -%}
    {%- if region.from -%}
        cold.date >= (select min(restart_at)::date from {{ ref(region.pending) }})
    {%- else -%}
        cold.date in (select {{ time }}::date from {{ ref(region.pending) }})
    {%- endif -%}
{%- endmacro %}

{% macro replace_what_differs(existing, new) %}
    {% set unique_key = config.require('unique_key') %}
    {% set key = ([unique_key] if unique_key is string else unique_key) | join(', ') %}
    {% set time = config.get('meta').time %}
    {% set differing = this.identifier ~ '__differing' %}
    delete from {{ existing }}
    where
        ({{ key }}) in (select ({{ key }}) from {{ differing }})
        {% if time %}
            and {{ time }} >= (select min({{ time }}) from {{ differing }})
            and {{ time }} <= (select max({{ time }}) from {{ differing }})
        {% endif %};
    insert into {{ existing }} by name
    select * from {{ new }}
    where ({{ key }}) in (select ({{ key }}) from {{ differing }} where not is_gone)
    {% if time %}order by {{ time }}{% endif %}
{% endmacro %}

{#- A table, replaced in one statement, as a view is (view.sql). -#}
{% materialization table, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and not existing.is_table %}
        {% do adapter.drop_relation(existing) %}
    {%- endif %}
    {%- call statement('main') %}
        create or replace table {{ target }} as (
            {{ sql }}
        );
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
