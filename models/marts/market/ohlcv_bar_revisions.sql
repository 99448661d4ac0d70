-- depends_on: {{ ref('ohlcv_bars_warm') }}
with

revisions as (

    select * from {{ bar_revisions() }}

),

final as (

    select * from revisions

)

select * from final
