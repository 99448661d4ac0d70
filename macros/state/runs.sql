{# On-run-start: a new run begins. What an earlier run found pending is nobody's work any more, and a
   chain that was never complete is built whole. #}
{% macro begin_run() %}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {{ return(adapter.dispatch('begin_run')()) }}
    {% endif %}
{% endmacro %}

{% macro default__begin_run() %}
    {% if flags.FULL_REFRESH and sees_part_of_its_input() %}
        {% do exceptions.raise_compiler_error(
            "--full-refresh keeps what it reads, and --empty, --sample or an event time hides rows from"
            ~ " it: run one without the other."
        ) %}
    {% endif %}
    {% set complete, archived = [], [] %}
    {% for chain, batch_id, is_ahead, has_archive in run_query(
        "select chain, batch_id, batch_id > (select coalesce(max(batch_id), 0) from raw.landings),"
        ~ " exists (from raw.cold_files where state = 'archived') from state.chains"
    ).rows %}
        {% do complete.append(chain) %}
        {% if has_archive %}{% do archived.append(chain) %}{% endif %}
        {% if is_ahead and not flags.FULL_REFRESH %}
            {% do exceptions.raise_compiler_error(
                "chain " ~ chain ~ " was built with batch " ~ batch_id ~ ", which is not in this database:"
                ~ " run `dbt build --full-refresh`"
            ) %}
        {% endif %}
    {% endfor %}
    {#- One object for all nodes of a run, so that no node asks again (should_full_refresh). -#}
    {% do graph.update({'complete_chains': complete, 'has_archive': archived != []}) %}
    {% call statement('begin_run') %}
    {% for node in graph.nodes.values() if node.path.startswith('intermediate/changes/') %}
        {% set pending = adapter.get_relation(node.database, node.schema, node.alias) %}
        {% if pending is not none and pending.is_table %}delete from {{ pending }};{% endif %}
    {% endfor %}
    update state.run
    set
        run_number = run_number + 1,
        batch_id = {{ "(select coalesce(max(batch_id), 0) from raw.landings)" if not is_collected() else var('collected') }},
        started_at = {{ build_time() }};
    commit;
    begin
    {% endcall %}
{% endmacro %}

{# dbt's own, and besides: a chain that was never complete is built whole. #}
{% macro should_full_refresh() -%} {{ return(adapter.dispatch('should_full_refresh')()) }} {%- endmacro %}

{% macro default__should_full_refresh() -%}
    {%- set asked, chain = config.get('full_refresh'), config.get('meta', {}).get('chain') -%}
    {%- if asked is not none -%}{{ return(asked) }}{%- endif -%}
    {{ return(flags.FULL_REFRESH or (chain and chain not in graph.get('complete_chains', [chain]))) }}
{%- endmacro %}

{% macro sees_part_of_its_input() -%}
    {{ return(flags.EMPTY or flags.SAMPLE or flags.EVENT_TIME_START or flags.EVENT_TIME_END) }}
{%- endmacro %}

{# On-run-end: a chain of which every table was built in this run reaches the batch at which the run
   began, or as far as the chains above it are. #}
{% macro end_run(results) %}
    {#- depends_on: -#}
    {% set snapshot_times, reference = ref('int_snapshot_times'), ref('int_reference') %}
    {% set waiting, days = ref('int_waiting_regions'), ref('int_days_to_bring_back') %}
    {% if execute and flags.WHICH in ['build', 'run', 'test', 'retry'] %}
        {{ return(adapter.dispatch('end_run')(results)) }}
    {% endif %}
{% endmacro %}

{% macro default__end_run(results) %}
    {% set succeeded = [] %}
    {% for result in results if result.status in ['success', 'pass', 'warn'] %}
        {% do succeeded.append(result.node.unique_id) %}
    {% endfor %}
    {% set chains, complete = chains_of_graph(), [] %}
    {% for name, chain in chains.items() if not sees_part_of_its_input() %}
        {% if chain.tables | reject('in', succeeded) | list | length == 0 %}
            {% do complete.append(name) %}
        {% endif %}
    {% endfor %}
    begin;
    {{ remember_what_waits(complete) }}
    {% for name in complete %}
        {% set held = chains[name].above | reject('in', complete) | list %}
        insert or replace into state.chains
        select
            '{{ name }}' as chain,
            least(run.batch_id{% for above in held %}, coalesce((
                select chains.batch_id from state.chains as chains where chains.chain = '{{ above }}'
            ), 0){% endfor %}) as batch_id,
            run.run_number,
            {{ valued_until(name) }} as valued_until
        from state.run as run;
        {{ remember_reference(name) }}
    {% endfor %}
    delete from state.vanished_rows
    where run_number <= (select min(chains.run_number) from state.chains as chains);
    delete from state.restored_days
    where after_run < (select min(chains.run_number) from state.chains as chains);
    commit
    {% do say_what_is_pending(chains, complete) %}
{% endmacro %}

{# Before its row in state.chains moves: what a complete chain could not do, since it needs archived days. #}
{% macro remember_what_waits(complete) %}
    {% set waiting = ref('int_waiting_regions') %}
    {% for name in complete %}
        delete from state.waiting_regions as waiting
        where
            chain = '{{ name }}'
            and ({{ flags.FULL_REFRESH }} or not exists (
                from raw.cold_files
                where state = 'archived' and relation = waiting.relation and date = waiting.date
            ));
    {% endfor %}
    {% if complete and graph.get('has_archive', true) and load_relation(waiting) is not none %}
        insert into state.waiting_regions by name
        select * from {{ waiting }} as waits
        where chain in ('{{ complete | join("', '") }}')
        and not exists (
            from state.waiting_regions as known
            where (known.chain, known.relation, known.date, known.key)
            = (waits.chain, waits.relation, waits.date, waits.key)
        );
    {% endif %}
{% endmacro %}

{# On-run-end: one line for each relation of which something waits for archived days. #}
{% macro say_what_to_bring_back() -%}
    {{ return(adapter.dispatch('say_what_to_bring_back')()) }}
{%- endmacro %}

{% macro spark__say_what_to_bring_back() -%} {%- endmacro %}

{% macro default__say_what_to_bring_back() %}
    {% set days = ref('int_days_to_bring_back') %}
    {% if execute and flags.WHICH in ['build', 'run', 'retry'] and graph.get('has_archive', true)
        and load_relation(days) is not none %}
        {% for row in run_query(
            "select relation, count(*), min(date), max(date), any_value(keys order by date) from " ~ days
            ~ " group by relation order by relation"
        ).rows %}
            {% do print(
                row[1] ~ " archived days of " ~ row[0] ~ " are waited for (" ~ row[4]
                ~ "): run `ingest archive restore " ~ row[0] ~ " " ~ row[2] ~ " " ~ row[3]
                ~ "`, then build again"
            ) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{# By chain: its tables, and the chains that it reads, directly or not. A view belongs to the chain of
   its folder and holds nothing of its own. The data tests are a chain of their own: what they have
   proven need not be looked at again (is_unproven). #}
{% macro chains_of_graph() %}
    {% set chains = {'data tests': {'tables': [], 'above': []}} %}
    {% for node in graph.nodes.values() %}
        {% set name = node.config.meta.chain %}
        {% if node.resource_type == 'test' %}
            {% do chains['data tests'].tables.append(node.unique_id) %}
        {% elif node.resource_type == 'model' and name %}
            {% if name not in chains %}{% do chains.update({name: {'tables': [], 'above': []}}) %}{% endif %}
            {% if node.config.materialized in ['table', 'incremental'] %}
                {% do chains[name].tables.append(node.unique_id) %}
            {% endif %}
            {% for parent in node.depends_on.nodes if parent in graph.nodes %}
                {% set above = graph.nodes[parent].config.meta.chain %}
                {% if above and above != name and above not in chains[name].above %}
                    {% do chains[name].above.append(above) %}
                {% endif %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% for _ in chains %}
        {% for chain in chains.values() %}
            {% for above in chain.above %}
                {% for higher in chains[above].above if higher not in chain.above %}
                    {% do chain.above.append(higher) %}
                {% endfor %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(chains) }}
{% endmacro %}

{% macro valued_until(chain) -%}
    {%- if chain == 'trading' -%}
        (select max(snapshot_time) from {{ ref('int_snapshot_times') }} where snapshot_type = 'newest')
    {%- else -%}
        null
    {%- endif -%}
{%- endmacro %}

{# One line for each chain that a run left behind. #}
{% macro say_what_is_pending(chains, complete) %}
    {% for name in chains if name not in complete + ['data tests'] and flags.WHICH != 'test' %}
        {% set left = run_query(
            "select count(*), strftime(min(landings.landed_at), '%Y-%m-%d %H:%M')"
            ~ " from raw.landings as landings where landings.batch_id > coalesce((select chains.batch_id"
            ~ " from state.chains as chains where chains.chain = '" ~ name ~ "'), 0)"
        ).rows[0] %}
        {% if left[0] %}
            {% do log(
                "chain " ~ name ~ ": " ~ left[0] ~ (" batches" if left[0] > 1 else " batch")
                ~ " pending since " ~ left[1], info=true
            ) %}
        {% endif %}
    {% endfor %}
{% endmacro %}
