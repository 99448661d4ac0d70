-- Both systems' ticks. Here they are as they landed, of several versions the one that counts,
-- before corrections: TimescaleDB knows none.
with

landed as (

    select * from {{ ref('stg_landed_ticks') }}
    where {{ in_extracts('market_ticks', 'timestamp') }}

),

superseded as (

    select tick_id from {{ ref('int_tick_amendments') }}
    where is_superseded

),

duckdb as (

    select landed.*
    from landed
    left join superseded on landed.tick_id = superseded.tick_id
    where superseded.tick_id is null

),

timescale as (

    select * from {{ ref('stg_timescale_ticks') }}

),

final as (

    {% for system in ['duckdb', 'timescale'] %}
        select
            '{{ system }}' as system,
            'market_ticks' as relation,
            exchange,
            symbol,
            timestamp,
            sequence_number,
            bid_price,
            ask_price,
            last_price,
            bid_size,
            ask_size,
            last_size,
            volume,
            conditions,
            tape,
            correlation_id,
            kind,
            {{ 'venue' if extracts_have('market_ticks', 'venue') else 'null::varchar' }} as venue,
            {{ 'trade_id' if extracts_have('market_ticks', 'trade_id') else 'null::varchar' }}
                as trade_id
        from {{ system }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from final
