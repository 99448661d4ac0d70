{# Revisions are never rebuilt, so they are no model's own table: ohlcv_bars_warm writes them, in the
   transaction that replaces the bar. #}
{% macro bar_revisions() -%}
    warm.ohlcv_bar_revisions
{%- endmacro %}

{% macro create_bar_revisions() %}
    {{ return(adapter.dispatch('create_bar_revisions')()) }}
{%- endmacro %}

{% macro default__create_bar_revisions() %}
    create table if not exists {{ bar_revisions() }} (
        bar_id bigint not null,
        exchange varchar not null,
        symbol varchar not null,
        timeframe varchar not null,
        timestamp timestamp not null,
        open decimal(18, 8) not null,
        high decimal(18, 8) not null,
        low decimal(18, 8) not null,
        close decimal(18, 8) not null,
        volume decimal(38, 8) not null,
        vwap decimal(18, 8),
        trade_count integer not null,
        trading_date date,
        valid_from timestamp not null,
        valid_to timestamp not null
    )
{% endmacro %}

{# A bar's id, of a relation with its natural key. #}
{% macro bar_id(relation) -%}
    {{ stable_id([
        relation ~ '.exchange',
        relation ~ '.symbol',
        relation ~ '.timeframe',
        microseconds(relation ~ '.timestamp'),
    ]) }}
{%- endmacro %}

{# What a bar says; not whether it is complete, nor when it was built. #}
{% macro bar_differs(one, other) -%}
    ({% for column in bar_content() %}{{ one }}.{{ column }}{{ ", " if not loop.last }}{% endfor %})
    is distinct from
    ({% for column in bar_content() %}{{ other }}.{{ column }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro bar_content() -%}
    {{ return(['open', 'high', 'low', 'close', 'volume', 'vwap', 'trade_count']) }}
{%- endmacro %}

{# Complete bars that `new` says otherwise; `gone` adds those it has no row for. #}
{% macro record_bar_revisions(old, new, gone, where='true') %}
    insert into {{ bar_revisions() }} by name
    select
        old.* exclude (is_complete, ends_at, built_batch_id, built_at),
        old.built_at as valid_from,
        {{ build_time() }} as valid_to
    from {{ old }} as old
    {{ 'left' if gone else 'inner' }} join {{ new }} as new on old.bar_id = new.bar_id
    where
        old.is_complete
        and {{ where }}
        and {{ bar_differs('old', 'new') }};
{% endmacro %}

{# The incremental strategy of bars: note what complete bars said, replace them, and drop those
   that came without a price. #}
{% macro get_incremental_restate_bars_sql(arguments) %}
    {% set columns = get_quoted_csv(arguments.dest_columns | map(attribute='name')) %}
    {% set dates = in_dates("select timestamp::date from " ~ arguments.temp_relation) %}
    {% set stretches = touched_stretches("select timestamp from " ~ arguments.temp_relation) %}
    {% set moved %}
        (
            select * exclude (date) from {{ cold_rows('ohlcv_bars') }}
            where {{ dates }}
        )
    {% endset %}
    {{ record_bar_revisions(
        arguments.target_relation, arguments.temp_relation, false,
        where=in_stretches('old.timestamp', stretches)
    ) }}
    {{ record_bar_revisions(moved, arguments.temp_relation, false) }}
    insert into warm.tombstones
    select
        'ohlcv_bars' as relation,
        moved.bar_id::varchar as id
    from {{ moved }} as moved
    inner join {{ arguments.temp_relation }} as new on moved.bar_id = new.bar_id
    where new.open is null;
    delete from {{ arguments.target_relation }}
    where
        {{ in_stretches('timestamp', stretches) }}
        and bar_id in (select bar_id from {{ arguments.temp_relation }});
    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arguments.temp_relation }}
    where open is not null;
{% endmacro %}

{# Post-hook of a full refresh: the bars before it are still there, under their backup name. #}
{% macro keep_refreshed_bars() %}
    {{ return(adapter.dispatch('keep_refreshed_bars')()) }}
{%- endmacro %}

{% macro default__keep_refreshed_bars() %}
    {% if execute and not is_incremental() %}
        {% set before = adapter.get_relation(
            this.database, this.schema, make_backup_relation(this, 'table').identifier
        ) %}
        {% if before is not none %}
            {{ record_bar_revisions(before, this, true) }}
            {{ record_bar_revisions(
                "(select * exclude (date) from " ~ rows_in_files('ohlcv_bars')
                ~ " where bar_id not in (select bar_id from " ~ before ~ ")"
                ~ " and bar_id::varchar not in (select id from warm.tombstones"
                ~ " where relation = 'ohlcv_bars'))", this, true
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{# Always empty: Spark restates whole days and keeps no former versions. #}
{% macro spark__create_bar_revisions() %}
    {{ spark_type(default__create_bar_revisions()) }}
{% endmacro %}

{% macro spark__keep_refreshed_bars() -%} {%- endmacro %}
