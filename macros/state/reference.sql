{# What a chain was built with, once it is complete: int_reference says what it is now. #}
{% macro remember_reference(chain) -%}
    {%- set reference = ref('int_reference') -%}
    {%- if load_relation(reference) is not none %}
        delete from state.reference_as_built
        where chain = '{{ chain }}';
        insert into state.reference_as_built by name
        select * from {{ reference }}
        where chain = '{{ chain }}';
    {%- endif -%}
{%- endmacro %}

{# In the transaction of the first model that is built with changed reference data: should its chain not be
   complete after all, what changed stays a change, also where it is changed back. A chain that never was
   complete has no changes, and may have no relation that says so. #}
{% macro remember_what_is_tried() %}
    {% set chain = config.get('meta', {}).chain %}
    {% set node = graph.nodes['model.' ~ project_name ~ '.int_reference_changes'] %}
    {% set changes = adapter.get_relation(node.database, node.schema, node.alias) %}
    {% if chain in graph.get('complete_chains', []) and changes is not none and chain not in graph.get('tried', []) %}
        {% call statement('tried') %}
            insert into state.reference_as_built by name
            select changes.*, 'built in part' as content
            from {{ changes }} as changes
            where changes.chain = '{{ chain }}'
        {% endcall %}
    {% endif %}
{% endmacro %}

{# Statement: stops a model when reference data of its chain changed that only a full refresh can follow:
   what the rows were made of may lie in the archive. #}
{% macro require_same_reference() %}
    {% set chain = config.get('meta').chain %}
    select error(
        '{{ this.name }} was built with other reference data (seeds: '
        || string_agg(distinct kind, ', ' order by kind)
        || '): run `dbt build --full-refresh --select config.meta.chain:{{ chain }}+`'
    )
    from {{ ref('int_reference_changes') }}
    where chain = '{{ chain }}'
    having count(*) > 0;
{% endmacro %}
