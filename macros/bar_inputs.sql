{# Bars depend on seeds, which no batch announces: a hash of each is kept with every build. #}
{% macro bar_inputs() -%}
    warm.bar_inputs
{%- endmacro %}

{# By seed, the rows that bars depend on. #}
{% macro bar_input_rows() -%}
    {{ return({
        'exchanges': "select * exclude (contiguous_kinds) from " ~ ref('stg_exchanges'),
        'exchange_calendar': "select * from " ~ ref('stg_exchange_calendar'),
        'instruments': "select exchange, symbol, bar_price from " ~ ref('stg_instruments')
            ~ " where bar_price <> 'trade'",
        'timeframes': "select * from " ~ ref('stg_timeframes'),
        'trade_conditions': "select * from " ~ ref('stg_trade_conditions'),
    }) }}
{%- endmacro %}

{% macro current_bar_inputs() -%}
    {% for seed, rows in bar_input_rows().items() %}
        select
            '{{ seed }}' as seed,
            md5(coalesce(string_agg(line, '|' order by line), '')) as hash
        from (select seed_rows::varchar as line from ({{ rows }}) as seed_rows)
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
{%- endmacro %}

{# Pre-hook: stop when the rows that are there were built from other seeds, or from batches that
   are not in this database. #}
{% macro check_bar_inputs() %}
    {{ return(adapter.dispatch('check_bar_inputs')()) }}
{%- endmacro %}

{% macro default__check_bar_inputs() %}
    {% set current = current_bar_inputs() %}
    {% set landed = landed_batch() %}
    {% if execute and is_incremental() %}
        {% set changed %}
            select string_agg(current.seed, ', ' order by current.seed) as seeds
            from ({{ current }}) as current
            left join {{ bar_inputs() }} as built
                on current.seed = built.seed and built.model = '{{ this.name }}'
            where current.hash is distinct from built.hash
        {% endset %}
        {% set seeds = run_query(changed).columns[0].values()[0] %}
        {% if seeds %}
            {% do exceptions.raise_compiler_error(
                this.name ~ " was built from other seeds than these (" ~ seeds ~ "): run"
                ~ " `dbt build --full-refresh --select int_minute_bars+`"
            ) %}
        {% endif %}
        {% set ahead = run_query(
            "select batch_id from " ~ build_watermarks() ~ " where model = '" ~ this.name
            ~ "' and batch_id > " ~ landed
        ) %}
        {% if ahead | length %}
            {% do exceptions.raise_compiler_error(
                this.name ~ " has seen batch " ~ ahead.columns[0].values()[0] ~ ", which is not in"
                ~ " this database: run `dbt build --full-refresh --select int_disputed_ticks+`"
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{# Post-hook, inside the model's transaction. #}
{% macro remember_bar_inputs() %}
    {{ return(adapter.dispatch('remember_bar_inputs')()) }}
{%- endmacro %}

{% macro default__remember_bar_inputs() %}
    create schema if not exists warm;
    create table if not exists {{ bar_inputs() }} (
        model varchar not null,
        seed varchar not null,
        hash varchar not null,
        primary key (model, seed)
    );
    insert or replace into {{ bar_inputs() }}
    select
        '{{ this.name }}' as model,
        seed,
        hash
    from ({{ current_bar_inputs() }});
{% endmacro %}

{# Spark compares the seeds' files. #}
{% macro spark__check_bar_inputs() -%}
    {%- set landed, seeds = landed_batch(), seed_files() -%}
    {%- if execute and is_incremental() -%}
        {%- if table_property('bar_inputs') not in [none, seeds] -%}
            {%- do exceptions.raise_compiler_error(
                this.name ~ " was built from other seeds than these: run `ingest spark --full-refresh`"
            ) -%}
        {%- endif -%}
        {%- set batch = run_query("select " ~ landed).columns[0].values()[0] -%}
        {%- if seen_batch() | int > batch -%}
            {%- do exceptions.raise_compiler_error(
                this.name ~ " has seen batch " ~ seen_batch() | trim ~ ", which is not in this export: run"
                ~ " `ingest spark --full-refresh`"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro spark__remember_bar_inputs() -%}
    alter table {{ this }} set tblproperties ('bar_inputs' = '{{ seed_files() }}')
{%- endmacro %}

{% macro seed_files() -%}
    {%- set sums = [] -%}
    {%- for seed in bar_input_rows() if execute -%}
        {%- do sums.append(graph.nodes['seed.' ~ project_name ~ '.' ~ seed].checksum.checksum) -%}
    {%- endfor -%}
    {{ return(local_md5(sums | join(' '))) }}
{%- endmacro %}
