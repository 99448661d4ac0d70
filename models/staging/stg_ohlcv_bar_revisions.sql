with

ohlcv_bar_revisions as (

    select * from {{ source('warm', 'ohlcv_bar_revisions') }}

),

final as (

    select * from ohlcv_bar_revisions

)

select * from final
