-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['snapshot_time'],
    meta={
        'region': {
            'pending': 'int_valuations_to_restate',
            'by': position[:4],
            'from': 'snapshot_time'
        },
        'time': 'snapshot_time'
    }
) }}
{% set interval = "interval '" ~ var('position_mark_interval') ~ "'" %}

-- What was known of its price when a position was valued, since when, and by which ratio it came
-- from another symbol. Most prices are recent; only what has none since an interval before the
-- first restart is looked up in all of history.
with

times as (

    select
        times.account_id,
        times.exchange,
        times.symbol,
        times.strategy_id,
        times.position_side,
        times.snapshot_time,
        instruments.price_exchange
    from {{ ref('int_position_times') }} as times
    inner join {{ ref('int_traded_instruments') }} as instruments
        on times.exchange = instruments.exchange and times.symbol = instruments.symbol
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('times', 'pending', position[:4]) }}
                and times.snapshot_time >= pending.restart_at
    {% endif %}

),

prices as {{ not_materialized() }} (

    select * from {{ ref('int_mark_prices') }}

),

recent as (

    select min(snapshot_time) - {{ interval }} as since
    from times

),

recent_prices as (

    select * from prices
    where known_at > (select recent.since from recent)

),

recently_priced as (

    select
        times.*,
        recent_prices.price,
        recent_prices.known_at,
        recent_prices.ratio
    from times
    asof left join recent_prices
        on
            {{ same_key('times', 'recent_prices', ['price_exchange', 'symbol']) }}
            and times.snapshot_time >= recent_prices.known_at

),

unpriced as (

    select distinct
        price_exchange,
        symbol
    from recently_priced
    where price is null

),

older_prices as (

    select
        prices.price_exchange,
        prices.symbol,
        max_by(
            { 'price': prices.price, 'known_at': prices.known_at, 'ratio': prices.ratio },
            prices.known_at
        ) as newest
    from prices
    inner join unpriced on {{ same_key('prices', 'unpriced', ['price_exchange', 'symbol']) }}
    where prices.known_at <= (select recent.since from recent)
    group by prices.price_exchange, prices.symbol

),

final as (

    select
        recently_priced.account_id,
        recently_priced.exchange,
        recently_priced.symbol,
        recently_priced.strategy_id,
        recently_priced.position_side,
        recently_priced.snapshot_time,
        coalesce(recently_priced.price, older_prices.newest.price) as price, -- noqa: RF01
        coalesce(recently_priced.known_at, older_prices.newest.known_at) as known_at, -- noqa: RF01
        coalesce(recently_priced.ratio, older_prices.newest.ratio) as ratio -- noqa: RF01
    from recently_priced
    left join older_prices
        on
            {{ same_key('recently_priced', 'older_prices', ['price_exchange', 'symbol']) }}
            and recently_priced.price is null

)

select * from final
order by snapshot_time
