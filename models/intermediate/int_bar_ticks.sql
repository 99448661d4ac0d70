-- Ticks that may enter a bar, each with its price and what it may set. `sets_last` is 2 (yes),
-- 1 (only where no other trade of the bar came before it) or 0. One pass over the ticks: those
-- without conditions, which most are, find no rules and cost nothing more.
with

ticks as (

    select
        *,
        case
            when conditions is null or kind = 'quote' then null
            when tape in ('A', 'B') then 'CTA'
            when tape = 'C' then 'UTP'
            else exchange
        end as feed,
        case when kind = 'quote' then exchange end as quoting_exchange
    from {{ ref('stg_market_ticks') }}

),

rules as (

    select * from {{ ref('int_condition_rules') }}

),

quoted_instruments as (

    select
        exchange,
        symbol,
        bar_price
    from {{ ref('stg_instruments') }}
    where bar_price in ('bid', 'ask', 'mid')

),

ruled as (

    select
        ticks.tick_id,
        ticks.batch_id,
        ticks.exchange,
        ticks.symbol,
        ticks.kind,
        ticks.timestamp,
        ticks.date,
        ticks.sequence_number,
        ticks.trade_number,
        ticks.content_hash,
        case
            when ticks.kind in ('trade', 'agg') then ticks.last_price
            when quoted_instruments.bar_price = 'bid' then ticks.bid_price
            when quoted_instruments.bar_price = 'ask' then ticks.ask_price
            when quoted_instruments.bar_price = 'mid'
                then {{ mid_price('ticks.bid_price', 'ticks.ask_price') }}
        end as price,
        case
            when ticks.kind in ('trade', 'agg') then coalesce(ticks.last_size, 0) else 0
        end as size,
        case
            when ticks.is_busted then 0
            when rules.feed is null then 2
            when list_has_any(ticks.conditions, rules.no_last) then 0
            when list_has_any(ticks.conditions, rules.last_if_first) then 1
            else 2
        end::tinyint as sets_last,
        case
            when ticks.is_busted then false
            when rules.feed is null then true
            else not list_has_any(ticks.conditions, rules.no_high_low)
        end as sets_high_low,
        case
            when ticks.is_busted or ticks.kind = 'quote' then false
            when rules.feed is null then true
            else not list_has_any(ticks.conditions, rules.no_volume)
        end as sets_volume,
        case
            when ticks.is_busted then 0
            when rules.feed is null then 2
            when list_has_any(ticks.conditions, rules.daily_no_last) then 0
            when list_has_any(ticks.conditions, rules.daily_last_if_first) then 1
            else 2
        end::tinyint as sets_daily_last,
        case
            when ticks.is_busted then false
            when rules.feed is null then true
            else not list_has_any(ticks.conditions, rules.daily_no_high_low)
        end as sets_daily_high_low,
        case
            when ticks.is_busted or ticks.kind = 'quote' then false
            when rules.feed is null then true
            else not list_has_any(ticks.conditions, rules.daily_no_volume)
        end as sets_daily_volume,
        case
            when ticks.is_busted or rules.feed is null then false
            else list_has_any(ticks.conditions, rules.auction)
        end as is_auction,
        rules.feed is not null as has_rules
    from ticks
    left join rules on ticks.feed = rules.feed
    left join quoted_instruments
        on
            ticks.quoting_exchange = quoted_instruments.exchange
            and ticks.symbol = quoted_instruments.symbol

),

final as (

    select
        * exclude (has_rules),
        has_rules
        and (
            sets_last <> sets_daily_last
            or sets_high_low <> sets_daily_high_low
            or sets_volume <> sets_daily_volume
        ) as differs_daily
    from ruled
    where price is not null

)

select * from final
