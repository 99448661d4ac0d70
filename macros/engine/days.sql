{# How Spark keeps an incremental model: Parquet knows neither delete nor transaction. Of a model with the meta
   `day_of`, a column of times, each UTC day is a partition, and the days that the build touched are
   overwritten as a whole. Any other is small: its rows are copied but those with a key that comes
   again. What a killed build leaves is made again by the next, since the batch that was seen is
   written last (remember_build). #}
{% materialization incremental, adapter="spark" %}
    {% set day_of = config.get("meta", {}).get("day_of") %}
    {% set existing = load_relation(this) %}
    {{ run_hooks(pre_hooks) }}
    {% if existing is none or existing.is_view or should_full_refresh() %}
        {% if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif %}
        {% call statement("main") %}
            {{ create_table_as(false, this, compiled_code) }}
        {% endcall %}
    {% elif day_of %}
        {% call statement("main") %}
            insert overwrite table {{ this }} partition (date)
            {{ by_days(compiled_code, day_of) }}
        {% endcall %}
    {% else %}
        {% set new_rows = this.identifier ~ "__new" %}
        {% set key = config.require("unique_key") %}
        {% set key = [key] if key is string else key %}
        {% do run_query("create or replace temporary view " ~ new_rows ~ " as " ~ compiled_code) %}
        {% call statement("main") %}
            {{ replaced_by(
                "select * except (is_new) from ("
                ~ "select *, true as is_new from " ~ new_rows
                ~ " union all select *, false from " ~ this ~ ")"
                ~ " qualify is_new = bool_or(is_new) over (partition by " ~ key | join(", ") ~ ")"
            ) }}
        {% endcall %}
        {% do become_replaced() %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [this]}) }}
{% endmaterialization %}

{# Rows with their partition, the day's file in the order of cold storage. #}
{% macro by_days(sql, day_of) -%}
    select * from (
        select
            /*+ rebalance(date) */
            *,
            {{ day_of }}::date as date
        from ({{ sql }})
    )
    sort by
        date,
        exchange,
        symbol,
        {{ day_of }}
{%- endmacro %}

{# A table cannot be overwritten with what is read of it: the new one is made beside it, then renamed. #}
{% macro replaced_by(sql) -%}
    {%- do run_query("drop table if exists " ~ replacement()) -%}
    create table {{ replacement() }} using parquet as {{ sql }}
{%- endmacro %}

{% macro become_replaced() -%}
    {%- set table = this.incorporate(type="table") -%}
    {%- do adapter.drop_relation(table) -%}
    {%- do adapter.rename_relation(replacement(), table) -%}
{%- endmacro %}

{% macro replacement() -%}
    {{ return(this.incorporate(path={"identifier": this.identifier ~ "__next"}, type="table")) }}
{%- endmacro %}

{# dbt-spark's, with the partitions. #}
{% macro spark__create_table_as(temporary, relation, compiled_code, language="sql") -%}
    {%- set day_of = config.get("meta", {}).get("day_of") -%}
    {%- if temporary or not day_of -%}
        {{ dbt.spark__create_table_as(temporary, relation, compiled_code, language) }}
    {%- else -%}
        create table {{ relation }} using parquet partitioned by (date) as
        {%- if config.get("contract").enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {{ by_days(get_select_subquery(compiled_code), day_of) }}
        {%- else %}
            {{ by_days(compiled_code, day_of) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Days are touched as a whole, and skipped by the partition column. #}
{% macro spark__in_touched_hours(column, timestamps_sql, date) -%}
    {{ in_dates("select timestamp::date from (" ~ timestamps_sql ~ ")", date or "date") }}
{%- endmacro %}

{# Pre-hook: drop the days that a build will write, so that one which has no row any more is gone. #}
{% macro drop_days(timestamps_sql) -%}
    {%- if execute and is_incremental() -%}
        {%- set days = run_query(
            "select distinct timestamp::date from (" ~ timestamps_sql ~ ")"
        ).columns[0].values() -%}
        {%- if days -%}
            alter table {{ this }} drop if exists
            {%- for day in days %} partition (date = '{{ day }}'){{ "," if not loop.last }}{% endfor -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro touched_bars() -%}
    select timestamp from {{ ref('int_bars_to_restate') }} where built_batch_id > {{ seen_batch() }}
{%- endmacro %}

{# The steps of bars whose days are restated, since a bucket was touched or a bar not complete: of a
   trading day they reach into the next two dates. #}
{% macro in_restated_days() -%}
    {%- set dates = "select timestamp::date + days from (" ~ touched_bars()
        ~ " union all select timestamp from " ~ this ~ " where not is_complete)" -%}
    {{ in_dates(dates ~ " cross join (values (0)) as t (days)", "timestamp::date") }}
    and {{ in_dates(dates ~ " cross join (values (0), (1), (2)) as t (days)") }}
{%- endmacro %}

{# Pre-hook. #}
{% macro forget_touched_days() -%}
    {{ return(adapter.dispatch('forget_touched_days')()) }}
{%- endmacro %}

{% macro default__forget_touched_days() -%} {%- endmacro %}

{% macro spark__forget_touched_days() -%}
    {%- if is_incremental() -%} {{ drop_days(touched_bars()) }} {%- endif -%}
{%- endmacro %}

{# What a build has seen is kept with the table. #}
{% macro table_property(name) -%}
    {%- for row in run_query("show tblproperties " ~ this).rows if row[0] == name -%}
        {{ return(row[1]) }}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}
