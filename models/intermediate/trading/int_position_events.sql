-- What happens to each position: its fills, and the splits of its instrument from its first fill
-- on.
with

fills as {{ not_materialized() }} (

    select * from {{ ref('int_position_fills') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where is_split

),

split_positions as (

    select
        fills.account_id,
        fills.exchange,
        fills.symbol,
        fills.strategy_id,
        fills.position_side,
        min(fills.executed_at) as first_filled_at
    from fills
    semi join splits on fills.exchange = splits.exchange and fills.symbol = splits.symbol
    group by fills.account_id, fills.exchange, fills.symbol, fills.strategy_id, fills.position_side

),

final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        executed_at as event_at,
        false as is_split,
        null::varchar as kind,
        sequence_number,
        trade_number,
        content_hash,
        order_id,
        fill_id,
        position_delta::decimal(38, 10) as quantity,
        coalesce(price, 0)::decimal(38, 10) as price,
        null::decimal(18, 8) as ratio,
        -- What a fill of an inverse contract costs is no product of quantity and price.
        case when is_inverse and transfer is null then 'in' else transfer end as transfer,
        transfer_cost
    from fills
    union all
    select
        positions.account_id,
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        positions.position_side,
        splits.effective_at as event_at,
        true as is_split,
        splits.kind,
        null as sequence_number,
        null as trade_number,
        null as content_hash,
        null as order_id,
        null as fill_id,
        0 as quantity,
        0 as price,
        splits.ratio,
        null as transfer,
        null as transfer_cost
    from splits
    inner join split_positions as positions
        on
            splits.exchange = positions.exchange
            and splits.symbol = positions.symbol
            and splits.effective_at >= positions.first_filled_at

)

select * from final
