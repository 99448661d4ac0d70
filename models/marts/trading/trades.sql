-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        executed_at::date as date
    from {{ ref('trades_warm') }}

),

cold as (

    select * from {{ cold_rows('trades') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

fills as (

    select * from warm
    union all by name
    select * from cold

),

-- The notional is computed here, of cold rows too: no file has it.
final as (

    select
        fills.*,
        {{ rounded(
            in_money(
                'abs(' ~ worth('fills.quantity', 'fills.price', 'instruments.is_inverse') ~ ')',
                'instruments.multiplier'
            ), 8
        ) }} as notional
    from fills
    left join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol

)

select * from final
