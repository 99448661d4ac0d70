-- depends_on: {{ ref('int_valuation_restarts') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ forget_from_revaluation() }}",
        post_hook="{{ remember_valuation('int_position_states', [ref('int_mark_prices'), 'built_batch_id']) }}"
    )
}}

with

states as (

    select * from {{ ref('int_position_states') }}

),

fills as (

    select * from {{ ref('int_position_fills') }}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

prices as (

    select * from {{ ref('int_mark_prices') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where kind = 'split'

),

instruments as (

    select
        exchange,
        symbol,
        strategy_id,
        any_value(price_exchange) as price_exchange,
        any_value(asset_class) as asset_class,
        any_value(quote_currency) as quote_currency,
        any_value(multiplier) as multiplier,
        any_value(margined) as margined
    from fills
    group by exchange, symbol, strategy_id

),

-- Up to when each position is valued already, and whether it was open then.
valued as (

    {% if is_incremental() %}
        select
            exchange,
            symbol,
            strategy_id,
            max(snapshot_time) as valued_until,
            arg_max(quantity, snapshot_time) <> 0 as is_open
        from {{ this }}
        group by exchange, symbol, strategy_id
    {% else %}
        select
            exchange,
            symbol,
            strategy_id,
            '-infinity'::timestamp as valued_until,
            false as is_open
        from instruments
    {% endif %}

),

pending_states as (

    select
        states.*,
        valued.valued_until
    from states
    left join valued
        on
            states.exchange = valued.exchange
            and states.symbol = valued.symbol
            and states.strategy_id = valued.strategy_id
    where valued.valued_until is null or states.event_at > valued.valued_until

),

-- The state that counts at a time is the last one of that time.
fill_times as (

    select
        exchange,
        symbol,
        strategy_id,
        event_at as snapshot_time,
        true as is_fill
    from pending_states
    where not is_split
    group by exchange, symbol, strategy_id, event_at

),

positions_to_mark as (

    select
        exchange,
        symbol,
        strategy_id,
        valued_until as marked_after
    from valued
    where is_open

    union

    select
        exchange,
        symbol,
        strategy_id,
        coalesce(any_value(valued_until), min(event_at)) as marked_after
    from pending_states
    group by exchange, symbol, strategy_id

),

mark_times as (

    select
        snapshot_time,
        bool_or(snapshot_type in ('intraday', 'eod')) as is_mark
    from snapshot_times
    group by snapshot_time

),

marks as (

    select
        positions_to_mark.exchange,
        positions_to_mark.symbol,
        positions_to_mark.strategy_id,
        mark_times.snapshot_time,
        mark_times.is_mark
    from positions_to_mark
    inner join mark_times
        on positions_to_mark.marked_after < mark_times.snapshot_time

),

times as (

    select
        coalesce(fill_times.exchange, marks.exchange) as exchange,
        coalesce(fill_times.symbol, marks.symbol) as symbol,
        coalesce(fill_times.strategy_id, marks.strategy_id) as strategy_id,
        coalesce(fill_times.snapshot_time, marks.snapshot_time) as snapshot_time,
        coalesce(fill_times.is_fill, false) as is_fill,
        coalesce(fill_times.is_fill or marks.is_mark, marks.is_mark) as is_published
    from fill_times
    full join marks
        on
            fill_times.exchange = marks.exchange
            and fill_times.symbol = marks.symbol
            and fill_times.strategy_id = marks.strategy_id
            and fill_times.snapshot_time = marks.snapshot_time

),

last_states as (

    select
        exchange,
        symbol,
        strategy_id,
        event_at,
        arg_max(
            {
                'quantity': quantity,
                'average_price': average_price,
                'cost_basis': cost_basis,
                'realized_pnl': realized_pnl,
                'trip_number': trip_number,
                'opened_at': opened_at,
                'correlation_id': correlation_id
            },
            event_number
        ) as state
    from states
    group by exchange, symbol, strategy_id, event_at

),

held as (

    select
        times.*,
        last_states.state,
        instruments.price_exchange,
        instruments.asset_class,
        instruments.quote_currency,
        instruments.multiplier,
        instruments.margined
    from times
    asof inner join last_states
        on
            times.exchange = last_states.exchange
            and times.symbol = last_states.symbol
            and times.strategy_id = last_states.strategy_id
            and times.snapshot_time >= last_states.event_at
    inner join instruments
        on
            times.exchange = instruments.exchange
            and times.symbol = instruments.symbol
            and times.strategy_id = instruments.strategy_id
    where times.is_fill or last_states.state.quantity <> 0 -- noqa: RF01

),

first_times as (

    select
        price_exchange,
        symbol,
        min(snapshot_time) as first_time
    from held
    group by price_exchange, symbol

),

-- Of the prices before the first time only the last one can count.
relevant_prices as (

    select
        prices.price_exchange,
        prices.symbol,
        max(prices.known_at) as known_at,
        arg_max(prices.price, prices.known_at) as price
    from prices
    inner join first_times
        on
            prices.price_exchange = first_times.price_exchange
            and prices.symbol = first_times.symbol
            and prices.known_at <= first_times.first_time
    group by prices.price_exchange, prices.symbol

    union all

    select
        prices.price_exchange,
        prices.symbol,
        prices.known_at,
        prices.price
    from prices
    inner join first_times
        on
            prices.price_exchange = first_times.price_exchange
            and prices.symbol = first_times.symbol
            and prices.known_at > first_times.first_time

),

priced as (

    select
        held.*,
        relevant_prices.price,
        relevant_prices.known_at
    from held
    asof left join relevant_prices
        on
            held.price_exchange = relevant_prices.price_exchange
            and held.symbol = relevant_prices.symbol
            and held.snapshot_time >= relevant_prices.known_at

),

-- Bars are not adjusted: a price from before a split is of the old shares.
split_ratios as (

    select
        priced.exchange,
        priced.symbol,
        priced.known_at,
        priced.snapshot_time,
        list_reduce( -- noqa: PRS, RF02
            list(distinct {{ scaled('splits.ratio') }}), lambda x, y: x * y // 100000000
        ) as ratio_units
    from priced
    inner join splits
        on
            priced.exchange = splits.exchange
            and priced.symbol = splits.symbol
            and priced.known_at <= splits.effective_at
            and priced.snapshot_time >= splits.effective_at
    group by priced.exchange, priced.symbol, priced.known_at, priced.snapshot_time

),

with_price as (

    select
        priced.*,
        if(
            split_ratios.ratio_units is null,
            priced.price,
            {{ divide_exactly(
                scaled('priced.price'), 'split_ratios.ratio_units', 8
            ) }}::decimal(18, 8)
        ) as current_price
    from priced
    left join split_ratios
        on
            priced.exchange = split_ratios.exchange
            and priced.symbol = split_ratios.symbol
            and priced.known_at = split_ratios.known_at
            and priced.snapshot_time = split_ratios.snapshot_time

),

final as (

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
        state.quantity,
        state.average_price,
        (state.cost_basis * multiplier)::decimal(38, 24) as cost_basis,
        (state.realized_pnl * multiplier)::decimal(38, 24) as realized_pnl,
        current_price,
        (state.quantity * current_price * multiplier)::decimal(38, 24) as market_value,
        state.trip_number,
        state.opened_at,
        state.correlation_id
    from with_price

)

select * from final
