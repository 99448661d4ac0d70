-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set interval = "interval '" ~ var('position_mark_interval') ~ "'" %}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'strategy_id', 'snapshot_time'],
    meta={
        'region': {
            'pending': 'int_valuations_to_restate',
            'by': ['exchange', 'symbol', 'strategy_id'],
            'from': 'snapshot_time'
        },
        'time': 'snapshot_time'
    }
) }}

-- What each position was worth at its fills and at every mark while it was open. It reads in three
-- parts: when each position is valued (holdings to held), which price was known then
-- (recent_prices to priced), and what that price is in shares of today (old_prices to with_price).
-- All of it starts where the first change lies, from the last row that each position has: one that is
-- open has a row at every mark, so none that can be continued is older than an interval before that.
with

continued as (

    {% if is_incremental() %}
        select min(restart_at) - {{ interval }} as since
        from {{ ref('int_valuations_to_restate') }}
    {% else %}
        select timestamp '-infinity' as since
    {% endif %}

),

states as (

    select states.*
    from {{ ref('int_position_states') }} as states
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                states.exchange = pending.exchange
                and states.symbol = pending.symbol
                and states.strategy_id = pending.strategy_id
    {% endif %}
    where states.event_at > (select continued.since from continued)

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}
    where snapshot_time > (select continued.since from continued)

),

prices as {{ not_materialized() }} (

    select * from {{ ref('int_mark_prices') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where kind = 'split'

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

{% if is_incremental() %}
    -- Where each position is continued.
    last_rows as (

        select valuations.*
        from {{ this }} as valuations
        inner join {{ ref('int_valuations_to_restate') }} as pending
            on
                valuations.exchange = pending.exchange
                and valuations.symbol = pending.symbol
                and valuations.strategy_id = pending.strategy_id
                and valuations.snapshot_time < pending.restart_at
        where valuations.snapshot_time >= (select continued.since from continued)
        qualify
            row_number() over (
                partition by valuations.exchange, valuations.symbol, valuations.strategy_id
                order by valuations.snapshot_time desc
            ) = 1

    ),
{% else %}
    last_rows as (

        select
            exchange,
            symbol,
            strategy_id,
            event_at as snapshot_time,
            quantity,
            average_price,
            cost_basis as raw_cost_basis,
            realized_pnl as raw_realized_pnl,
            trip_number,
            opened_at,
            correlation_id,
            price as known_price,
            event_at as price_known_at
        from states
        where false

    ),
{% endif %}

-- When each position is valued: what it was, from when on. Of the states of one time the last one
-- counts.
holdings as (

    select
        states.exchange,
        states.symbol,
        states.strategy_id,
        states.event_number,
        states.event_at as held_from,
        -- A fill has a row of its own; a split shows at the next mark, its own time included.
        not states.is_split as is_fill,
        if(states.is_split, states.event_at - interval 1 microsecond, states.event_at)
            as marked_after,
        states.quantity,
        states.average_price,
        states.cost_basis,
        states.realized_pnl,
        states.trip_number,
        states.opened_at,
        states.correlation_id
    from states
    left join last_rows
        on
            states.exchange = last_rows.exchange
            and states.symbol = last_rows.symbol
            and states.strategy_id = last_rows.strategy_id
    where last_rows.snapshot_time is null or states.event_at > last_rows.snapshot_time

    union all

    select
        exchange,
        symbol,
        strategy_id,
        0 as event_number,
        snapshot_time as held_from,
        false as is_fill,
        snapshot_time as marked_after,
        quantity,
        average_price,
        raw_cost_basis as cost_basis,
        raw_realized_pnl as realized_pnl,
        trip_number,
        opened_at,
        correlation_id
    from last_rows
    where quantity <> 0

),

spans as (

    select
        *,
        lead(held_from) over (
            partition by exchange, symbol, strategy_id order by event_number
        ) as held_until
    from holdings
    qualify held_until is null or held_until > held_from

),

-- Marks are numbered, so that those within a span are a range and no join of every mark.
mark_times as (

    select
        snapshot_time,
        bool_or(snapshot_type in ('intraday', 'eod')) as is_mark,
        row_number() over (order by snapshot_time) as mark_number
    from snapshot_times
    group by snapshot_time

),

last_mark as (

    select coalesce(max(mark_number), 0) as mark_number from mark_times

),

open_spans as (

    select
        spans.*,
        coalesce(before.mark_number, 0) as marks_before
    from spans
    asof left join mark_times as before on spans.marked_after >= before.snapshot_time
    where spans.quantity <> 0

),

marked_spans as (

    select
        open_spans.*,
        case
            when open_spans.held_until is null then (select last_mark.mark_number from last_mark)
            else coalesce(until.mark_number, 0)
        end as marks_until
    from open_spans
    asof left join mark_times as until on open_spans.held_until > until.snapshot_time

),

marks as (

    select
        * exclude (marks_before, marks_until),
        unnest(range(marks_before + 1, marks_until + 1)) as mark_number
    from marked_spans
    where marks_until > marks_before

),

times as (

    select
        * exclude (event_number, held_from, held_until, marked_after),
        held_from as snapshot_time,
        true as is_published
    from spans
    where is_fill

    union all

    select
        marks.* exclude (
            event_number, held_from, held_until, marked_after, mark_number -- noqa: RF02
        ) replace (false as is_fill),
        mark_times.snapshot_time,
        mark_times.is_mark as is_published
    from marks
    inner join mark_times on marks.mark_number = mark_times.mark_number

),

held as (

    select
        times.*,
        instruments.price_exchange,
        instruments.asset_class,
        instruments.quote_currency,
        instruments.multiplier,
        instruments.margined
    from times
    inner join instruments
        on times.exchange = instruments.exchange and times.symbol = instruments.symbol

),

-- Which price was known then.
recent_prices as (

    select
        price_exchange,
        symbol,
        known_at,
        price
    from prices
    where known_at > (select continued.since from continued)

    union all

    select
        instruments.price_exchange,
        last_rows.symbol,
        last_rows.price_known_at as known_at,
        last_rows.known_price as price
    from last_rows
    inner join instruments
        on last_rows.exchange = instruments.exchange and last_rows.symbol = instruments.symbol
    where last_rows.known_price is not null

),

recently_priced as (

    select
        held.*,
        recent_prices.price,
        recent_prices.known_at
    from held
    asof left join recent_prices
        on
            held.price_exchange = recent_prices.price_exchange
            and held.symbol = recent_prices.symbol
            and held.snapshot_time >= recent_prices.known_at

),

-- Only what has no recent price is looked up in all of history.
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
        max(prices.known_at) as known_at,
        arg_max(prices.price, prices.known_at) as price
    from prices
    inner join unpriced
        on prices.price_exchange = unpriced.price_exchange and prices.symbol = unpriced.symbol
    where prices.known_at <= (select continued.since from continued)
    group by prices.price_exchange, prices.symbol

),

priced as (

    select
        recently_priced.* exclude (price, known_at), -- noqa: RF02
        coalesce(recently_priced.price, older_prices.price) as known_price,
        coalesce(recently_priced.known_at, older_prices.known_at) as price_known_at
    from recently_priced
    left join older_prices
        on
            recently_priced.price_exchange = older_prices.price_exchange
            and recently_priced.symbol = older_prices.symbol
            and recently_priced.price is null

),

-- Bars are not adjusted: a price from before a split is of the old shares.
old_prices as (

    select distinct
        priced.exchange,
        priced.symbol,
        priced.price_known_at,
        priced.snapshot_time
    from priced
    semi join splits
        on priced.exchange = splits.exchange and priced.symbol = splits.symbol

),

split_ratios as (

    select
        old_prices.exchange,
        old_prices.symbol,
        old_prices.price_known_at,
        old_prices.snapshot_time,
        -- Their product, in 1e-16.
        list_reduce( -- noqa: PRS, RF02
            list_prepend(10000000000000000::hugeint, list({{ scaled('splits.ratio') }})),
            lambda x, y: x * y // 100000000
        ) as ratio_units
    from old_prices
    inner join splits
        on
            old_prices.exchange = splits.exchange
            and old_prices.symbol = splits.symbol
            and old_prices.price_known_at <= splits.effective_at
            and old_prices.snapshot_time >= splits.effective_at
    group by
        old_prices.exchange,
        old_prices.symbol,
        old_prices.price_known_at,
        old_prices.snapshot_time

),

with_price as (

    select
        priced.*,
        if(
            split_ratios.ratio_units is null,
            priced.known_price,
            {{ divide_exactly(
                scaled('priced.known_price') ~ ' * 100000000', 'split_ratios.ratio_units', 8
            ) }}::decimal(18, 8)
        ) as current_price
    from priced
    left join split_ratios
        on
            priced.exchange = split_ratios.exchange
            and priced.symbol = split_ratios.symbol
            and priced.price_known_at = split_ratios.price_known_at
            and priced.snapshot_time = split_ratios.snapshot_time

),

valued as (

    select
        exchange,
        symbol,
        strategy_id,
        snapshot_time,
        is_published,
        is_fill,
        asset_class,
        quote_currency,
        multiplier,
        margined,
        quantity,
        average_price,
        (cost_basis * multiplier)::decimal(38, 24) as cost_basis,
        (realized_pnl * multiplier)::decimal(38, 24) as realized_pnl,
        current_price,
        (quantity * current_price * multiplier)::decimal(38, 24) as market_value,
        trip_number,
        opened_at,
        correlation_id,
        cost_basis as raw_cost_basis,
        realized_pnl as raw_realized_pnl,
        known_price,
        price_known_at
    from with_price

),

final as (

    select valued.*
    from valued
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                valued.exchange = pending.exchange
                and valued.symbol = pending.symbol
                and valued.strategy_id = pending.strategy_id
                and valued.snapshot_time >= pending.restart_at
    {% endif %}

)

select * from final
order by snapshot_time
