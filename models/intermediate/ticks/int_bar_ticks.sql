-- Ticks that may enter a bar, each with its price and what it may set. `sets_last` is 2 (yes), 1
-- (only where no other trade of the bar came before it) or 0. What a tick may not do is one
-- number, so that ticks without conditions, which most are, cost nothing more.
with

trade_ticks as (

    select * from {{ ref('int_amended_ticks') }}
    where kind <> 'quote'

),

quote_ticks as (

    select * from {{ ref('int_amended_ticks') }}
    where kind = 'quote'

),

rule_book as (

    select {{ as_map('print', 'forbidden') }} as rules
    from {{ ref('int_condition_rules') }}

),

quoted_instruments as (

    select * from {{ ref('int_quoted_instruments') }}

),

trades as (

    select
        *,
        last_price as price,
        coalesce(last_size, 0) as size
    from trade_ticks

),

quotes as (

    select
        quote_ticks.*,
        case quoted_instruments.bar_price
            when 'bid' then quote_ticks.bid_price
            when 'ask' then quote_ticks.ask_price
            when 'mid' then {{ mid_price('quote_ticks.bid_price', 'quote_ticks.ask_price') }}
        end::decimal(18, 8) as price,
        0 as size
    from quote_ticks
    inner join quoted_instruments
        on
            quote_ticks.exchange = quoted_instruments.exchange
            and quote_ticks.symbol = quoted_instruments.symbol

),

priced as (

    select * from trades
    union all
    select * from quotes

),

fed as (

    select
        *,
        case
            when tape in ('A', 'B') then 'CTA'
            when tape = 'C' then 'UTP'
            else exchange
        end as feed
    from priced

),

ruled as (

    select
        fed.*,
        case
            when fed.is_superseded or fed.is_busted or fed.price is null then 255
            when fed.kind = 'quote' then 136
            when fed.conditions is null then 0
            else {{ forbidden_by('rule_book.rules', 'fed.feed', 'fed.conditions') }}
        end::smallint as forbidden
    from fed
    cross join rule_book

),

final as (

    select
        tick_id,
        batch_id,
        exchange,
        symbol,
        kind,
        date,
        timestamp,
        nanoseconds,
        ingestion_time,
        sequence_number,
        trade_number,
        place,
        feed,
        conditions,
        price,
        size,
        case when forbidden & 1 > 0 then 0 when forbidden & 2 > 0 then 1 else 2 end::tinyint
            as sets_last,
        forbidden & 4 = 0 as sets_high_low,
        forbidden & 8 = 0 as sets_volume,
        case when forbidden & 16 > 0 then 0 when forbidden & 32 > 0 then 1 else 2 end::tinyint
            as sets_daily_last,
        forbidden & 64 = 0 as sets_daily_high_low,
        forbidden & 128 = 0 as sets_daily_volume,
        forbidden & 256 > 0 as is_auction,
        forbidden & 15 <> (forbidden >> 4) & 15 as differs_daily
    from ruled

)

select * from final
