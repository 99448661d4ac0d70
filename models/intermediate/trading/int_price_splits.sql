-- New shares for old ones since a position's price was known. Bars are not adjusted: a price from
-- before a split is of the old shares.
with

prices as (

    select * from {{ ref('int_position_prices') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where is_split and is_withdrawn is not true

),

splits_since as (

    select
        prices.account_id,
        prices.exchange,
        prices.symbol,
        prices.strategy_id,
        prices.position_side,
        prices.snapshot_time,
        list(struct_extract(splits.shares, 'new_shares')) as new_shares,
        list(struct_extract(splits.shares, 'old_shares')) as old_shares
    from prices
    inner join splits
        on
            {{ same_key('prices', 'splits', ['exchange', 'symbol']) }}
            and splits.effective_at between prices.known_at and prices.snapshot_time
    group by all

),

-- What they make together; where that has no room, or is nothing, there is no price.
final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        snapshot_time,
        coalesce(try({{ product_of('new_shares') }}), 0) as new_shares, -- noqa: PRS
        coalesce(try({{ product_of('old_shares') }}), 0) as old_shares -- noqa: PRS
    from splits_since

)

select * from final
