{# The grain of a model: no two rows agree in all of these columns. With a column of `time`, looked at where
   the model changed (macros/state/proof.sql). #}
{% test unique_combination_of_columns(model, columns, time=none) %}

select
    {{ columns | join(", ") }},
    count(*) as rows_of_this_key
from {{ model }}
{% if time %}where {{ is_unproven(time) }}
{% endif -%}
group by {{ columns | join(", ") }}
having count(*) > 1

{% endtest %}
