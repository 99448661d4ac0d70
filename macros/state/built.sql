{# The newest batch that this run knows, and its number; built_* say with which a row was last written. #}
{% macro landed_batch() -%} (select batch_id from {{ ref('stg_run') }}) {%- endmacro %}

{% macro run_number() -%} (select run_number from {{ ref('stg_run') }}) {%- endmacro %}
