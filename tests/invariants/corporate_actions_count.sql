{{ config(severity='warn') }}

-- Actions that do not count, and why. Correct one by another source, or list what it names.
select
    exchange,
    symbol,
    ex_date,
    kind,
    new_symbol,
    fault
from {{ ref('int_corporate_actions') }}
where fault is not null
