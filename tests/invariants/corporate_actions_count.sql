{{ config(severity='warn') }}

-- Actions that do not count, why, and what to do.
select
    exchange,
    symbol,
    ex_date,
    kind,
    new_symbol,
    fault,
    case
        when fault like '%list both in the seed'
            then 'list both in seeds/instruments.csv, or land two transfers in kind instead'
        when fault like '%inverse contract%'
            then 'withdraw it: land it again with withdrawn = true'
        when fault like 'its currency%'
            then 'withdraw it (land it again with withdrawn = true) and land it in that currency'
        else 'withdraw what is wrong (land it again with withdrawn = true), or give it another day'
    end as what_to_do
from {{ ref('int_corporate_actions') }}
where fault is not null
