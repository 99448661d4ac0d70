{# Every row of a relation that lies in a file, also what is warm again or has a tombstone. #}
{% macro rows_in_files(relation) -%} cold.{{ relation }}_in_files {%- endmacro %}
