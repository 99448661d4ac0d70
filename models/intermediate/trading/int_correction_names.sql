-- What each correction or bust names, and what the corrections that it names do. Any order will do.
with recursive

corrections as (

    select * from {{ ref('int_order_events') }}
    where is_correction

),

{{ correction_names('corrections', 'corrections') }}

select * from named
