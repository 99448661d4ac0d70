-- All landed ticks. A filter on `date` opens only the cold files of that day.
{% set content = [] %}
{% for column in [
    'exchange', 'symbol', 'kind', 'venue', 'bid_price', 'ask_price', 'bid_size', 'ask_size', 'last_price',
    'last_size', 'volume', 'sequence_number', 'trade_id', 'conditions', 'tape'
] %}
    {% do content.append("coalesce(" ~ column ~ "::" ~ dbt.type_string() ~ ", '')") %}
{% endfor %}

with

warm as (

    select
        *,
        timestamp::date as date
    from {{ ref('stg_warm_ticks') }}

),

cold as (

    select * from {{ cold_rows('market_ticks') }}

),

ticks as (

    select * from warm
    union all {{ by_name() }}
    select * from cold

),

final as (

    select
        *,
        -- a part of trade order
        {{ as_number('trade_id') }} as trade_number,
        {{ stable_id(content) }} as untimed_hash
    from ticks

)

select * from final
