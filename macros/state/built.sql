{# The newest batch that this run knows, and its number; built_* say with which a row was last written. #}
{% macro landed_batch() -%} (select batch_id from {{ ref('stg_run') }}) {%- endmacro %}

{% macro run_number() -%} (select run_number from {{ ref('stg_run') }}) {%- endmacro %}

{# Whether the model's table is there while it is compiled, also where it is built whole. #}
{% macro has_rows_from_before() -%} {{ return(adapter.dispatch('has_rows_from_before')()) }} {%- endmacro %}

{% macro default__has_rows_from_before() -%} {{ return(execute and load_relation(this) is not none) }} {%- endmacro %}

{# Spark builds a warehouse anew, and cannot replace a table that it reads. #}
{% macro spark__has_rows_from_before() -%} {{ return(false) }} {%- endmacro %}
