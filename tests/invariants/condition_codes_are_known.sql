-- A code that no row of the seed trade_conditions knows forbids nothing.
{{ config(severity='warn') }}

with

printed as (

    select
        feed,
        {{ each_of('conditions') }} as code
    from {{ ref('int_bar_ticks') }}
    where
        kind <> 'quote'
        and {{ is_unproven('timestamp') }}
        and {{ is_not_archived('market_ticks', 'timestamp') }}

)

select
    printed.feed,
    printed.code,
    count(*) as ticks
from printed
anti join {{ ref('stg_trade_conditions') }} as known
    on
        printed.feed = known.feed
        and printed.code = known.code
group by
    printed.feed,
    printed.code
