-- A left join against a relation of a few rows: it costs next to nothing, and filters on
-- date, timestamp, symbol and exchange reach the landed ticks.
with

landed as (

    select * from {{ landed('ticks') }}

),

amendments as (

    select * from {{ ref('int_tick_amendments') }}

),

final as (

    select
        landed.tick_id,
        landed.batch_id,
        landed.exchange,
        landed.symbol,
        landed.date,
        landed.timestamp,
        landed.nanoseconds,
        landed.kind,
        landed.venue,
        landed.bid_price,
        landed.ask_price,
        landed.bid_size,
        landed.ask_size,
        coalesce(amendments.corrected_price, landed.last_price) as last_price,
        coalesce(amendments.corrected_size, landed.last_size) as last_size,
        landed.volume,
        landed.sequence_number,
        landed.trade_id,
        landed.trade_number,
        landed.place,
        coalesce(amendments.corrected_conditions, landed.conditions) as conditions,
        landed.tape,
        landed.aggressor_side,
        landed.source,
        landed.ingestion_time,
        landed.correlation_id,
        landed.occurrence,
        coalesce(amendments.is_busted, false) as is_busted,
        coalesce(amendments.is_superseded, false) as is_superseded
    from landed
    left join amendments on landed.tick_id = amendments.tick_id

)

select * from final
