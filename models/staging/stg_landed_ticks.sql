-- All landed ticks. A filter on `date` opens only the cold files of that day.
{# What two copies of one tick have in common, whatever else their feeds leave out. #}
{% set content = [] %}
{% for column in ['exchange', 'symbol', 'kind', 'venue', 'last_price', 'last_size'] %}
    {% do content.append("coalesce(" ~ column ~ "::" ~ dbt.type_string() ~ ", '')") %}
{% endfor %}
{% for column in ['bid_price', 'ask_price', 'bid_size', 'ask_size'] %}
    {% set quoted = "case when kind = 'quote' then " ~ column ~ " end" %}
    {% do content.append("coalesce((" ~ quoted ~ ")::" ~ dbt.type_string() ~ ", '')") %}
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
