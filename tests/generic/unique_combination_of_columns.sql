{# The grain of a model: no two rows agree in all of these columns. #}
{% test unique_combination_of_columns(model, columns) %}

select
    {{ columns | join(", ") }},
    count(*) as rows_of_this_key
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1

{% endtest %}
