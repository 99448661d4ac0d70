-- depends_on: {{ ref('ohlcv_bars_warm') }}
with

revisions as (

    select * from {{ ref('stg_ohlcv_bar_revisions') }}

),

final as (

    select * from revisions

)

select * from final
