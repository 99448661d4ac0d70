-- Ticks that may enter a bar, each with its price and what it may set. `sets_last` is 2 (yes), 1 (only where no other
-- trade of the bar came before it) or 0. Plain trades, which most are, stay clear of the rules.
with

ticks as (

    select * from {{ ref('stg_market_ticks') }}

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

plain_trades as (

    select
        tick_id,
        batch_id,
        exchange,
        symbol,
        kind,
        timestamp,
        sequence_number,
        trade_number,
        content_hash,
        last_price as price,
        coalesce(last_size, 0) as size,
        2::tinyint as sets_last,
        true as sets_high_low,
        true as sets_volume,
        2::tinyint as sets_daily_last,
        true as sets_daily_high_low,
        true as sets_daily_volume,
        false as is_auction,
        false as differs_daily
    from ticks
    where
        kind in ('trade', 'agg')
        and last_price is not null
        and conditions is null
        and not is_busted

),

busted_trades as (

    select
        tick_id,
        batch_id,
        exchange,
        symbol,
        kind,
        timestamp,
        sequence_number,
        trade_number,
        content_hash,
        last_price as price,
        coalesce(last_size, 0) as size,
        0::tinyint as sets_last,
        false as sets_high_low,
        false as sets_volume,
        0::tinyint as sets_daily_last,
        false as sets_daily_high_low,
        false as sets_daily_volume,
        false as is_auction,
        false as differs_daily
    from ticks
    where
        kind in ('trade', 'agg')
        and last_price is not null
        and is_busted

),

conditioned_trades as (

    select
        ticks.tick_id,
        ticks.batch_id,
        ticks.exchange,
        ticks.symbol,
        ticks.kind,
        ticks.timestamp,
        ticks.sequence_number,
        ticks.trade_number,
        ticks.content_hash,
        ticks.last_price as price,
        coalesce(ticks.last_size, 0) as size,
        case
            when list_has_any(ticks.conditions, rules.no_last) then 0
            when list_has_any(ticks.conditions, rules.last_if_first) then 1
            else 2
        end::tinyint as sets_last,
        coalesce(not list_has_any(ticks.conditions, rules.no_high_low), true) as sets_high_low,
        coalesce(not list_has_any(ticks.conditions, rules.no_volume), true) as sets_volume,
        case
            when list_has_any(ticks.conditions, rules.daily_no_last) then 0
            when list_has_any(ticks.conditions, rules.daily_last_if_first) then 1
            else 2
        end::tinyint as sets_daily_last,
        coalesce(
            not list_has_any(ticks.conditions, rules.daily_no_high_low), true
        ) as sets_daily_high_low,
        coalesce(
            not list_has_any(ticks.conditions, rules.daily_no_volume), true
        ) as sets_daily_volume,
        coalesce(list_has_any(ticks.conditions, rules.auction), false) as is_auction,
        sets_last <> sets_daily_last
        or sets_high_low <> sets_daily_high_low
        or sets_volume <> sets_daily_volume as differs_daily
    from ticks
    left join rules
        on
            rules.feed
            = case
                when ticks.tape in ('A', 'B') then 'CTA'
                when ticks.tape = 'C' then 'UTP'
                else ticks.exchange
            end
    where
        ticks.kind in ('trade', 'agg')
        and ticks.last_price is not null
        and ticks.conditions is not null
        and not ticks.is_busted

),

quotes as (

    select
        ticks.tick_id,
        ticks.batch_id,
        ticks.exchange,
        ticks.symbol,
        ticks.kind,
        ticks.timestamp,
        ticks.sequence_number,
        ticks.trade_number,
        ticks.content_hash,
        case quoted_instruments.bar_price
            when 'bid' then ticks.bid_price
            when 'ask' then ticks.ask_price
            when 'mid' then {{ mid_price('ticks.bid_price', 'ticks.ask_price') }}
        end as price,
        0 as size,
        2::tinyint as sets_last,
        true as sets_high_low,
        false as sets_volume,
        2::tinyint as sets_daily_last,
        true as sets_daily_high_low,
        false as sets_daily_volume,
        false as is_auction,
        false as differs_daily
    from ticks
    inner join quoted_instruments
        on
            ticks.exchange = quoted_instruments.exchange
            and ticks.symbol = quoted_instruments.symbol
    where ticks.kind = 'quote'

),

final as (

    select * from plain_trades
    union all
    select * from busted_trades
    union all
    select * from conditioned_trades
    union all
    select * from quotes
    where price is not null

)

select * from final
