-- New shares for old ones since a position's price was known, and by which that was taken over from
-- another symbol. Bars are not adjusted: a price from before a split is of the old shares.
{% set row = [
    'account_id', 'exchange', 'symbol', 'strategy_id', 'position_side', 'snapshot_time'
] %}
with

prices as (

    select * from {{ ref('int_position_prices') }}

),

adjustments as (

    select * from {{ ref('int_price_adjustments') }}

),

ratios as (

    select
        {{ columns_of(row, 'prices') }},
        adjustments.new_shares,
        adjustments.old_shares
    from prices
    inner join adjustments
        on
            {{ same_key('prices', 'adjustments', ['exchange', 'symbol']) }}
            and adjustments.effective_at between prices.known_at and prices.snapshot_time
            -- what was taken over is as it was after that instant
            and (prices.ratio is null or prices.known_at < adjustments.effective_at)
    union all
    select
        {{ columns_of(row) }},
        struct_extract(ratio, 'new_shares') as new_shares,
        struct_extract(ratio, 'old_shares') as old_shares
    from prices
    where
        struct_extract(ratio, 'new_shares') <> struct_extract(ratio, 'old_shares')
        or struct_extract(ratio, 'new_shares') = 0

),

together as (

    select
        {{ columns_of(row) }},
        list(new_shares) as new_shares,
        list(old_shares) as old_shares
    from ratios
    group by {{ columns_of(row) }}

),

-- Where what they make together has no room, or is nothing, there is no price.
final as (

    select
        {{ columns_of(row) }},
        coalesce(try({{ product_of('new_shares') }}), 0) as new_shares, -- noqa: PRS
        coalesce(try({{ product_of('old_shares') }}), 0) as old_shares -- noqa: PRS
    from together

)

select * from final
