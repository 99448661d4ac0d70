-- A UTC day's steps hold what its ticks hold; looked at where no rule leaves a trade out.
with

ticks as (

    select
        exchange,
        symbol,
        kind,
        timestamp::date as date,
        sum(coalesce(last_size, 0)) as volume,
        count(*) as trade_count
    from {{ ref('int_market_ticks') }}
    where
        kind in ('trade', 'agg')
        and last_price is not null
        and not is_busted
        and {{ is_unproven('timestamp') }}
        and {{ is_not_archived('market_ticks', 'timestamp') }}
    group by all
    having count(conditions) = 0

),

steps as (

    select
        exchange,
        symbol,
        kind,
        minute::date as date,
        sum(volume) as volume,
        sum(trade_count) as trade_count
    from {{ ref('int_minute_bars') }}
    where {{ is_unproven('minute') }}
    group by all

)

select
    ticks.*,
    steps.volume as volume_of_steps
from ticks
left join steps
    on
        ticks.exchange = steps.exchange
        and ticks.symbol = steps.symbol
        and ticks.kind = steps.kind
        and ticks.date = steps.date
where
    (ticks.volume::decimal(38, 8), ticks.trade_count)
    is distinct from (steps.volume::decimal(38, 8), steps.trade_count::bigint)
