-- What happens to each position: its fills, and the splits of its instrument from its first fill
-- on.
with

fills as {{ not_materialized() }} (

    select * from {{ ref('int_position_fills') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where kind = 'split'

),

split_positions as (

    select
        fills.exchange,
        fills.symbol,
        fills.strategy_id,
        min(fills.executed_at) as first_filled_at
    from fills
    semi join splits on fills.exchange = splits.exchange and fills.symbol = splits.symbol
    group by fills.exchange, fills.symbol, fills.strategy_id

),

final as (

    select
        exchange,
        symbol,
        strategy_id,
        executed_at as event_at,
        false as is_split,
        sequence_number,
        trade_number,
        content_hash,
        order_id,
        fill_id,
        position_delta::decimal(38, 10) as quantity,
        price::decimal(38, 10) as price,
        null::decimal(18, 8) as ratio
    from fills
    union all
    select
        positions.exchange,
        positions.symbol,
        positions.strategy_id,
        splits.effective_at as event_at,
        true as is_split,
        null as sequence_number,
        null as trade_number,
        null as content_hash,
        null as order_id,
        null as fill_id,
        0 as quantity,
        0 as price,
        splits.ratio
    from splits
    inner join split_positions as positions
        on
            splits.exchange = positions.exchange
            and splits.symbol = positions.symbol
            and splits.effective_at >= positions.first_filled_at

)

select * from final
