-- depends_on: {{ ref('int_valuations_to_restate') }}
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
{% set position = ['exchange', 'symbol', 'strategy_id'] %}

-- What each position was worth whenever it was valued. What is flat is worth nothing; without a
-- price the worth is unknown.
with

times as (

    select times.*
    from {{ ref('int_position_times') }} as times
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('times', 'pending', position) }}
                and times.snapshot_time >= pending.restart_at
    {% endif %}

),

prices as (

    select * from {{ ref('int_position_prices') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where kind = 'split'

),

priced as (

    select
        times.*,
        prices.price,
        prices.known_at
    from times
    inner join prices on {{ same_key('times', 'prices', position + ['snapshot_time']) }}

),

-- Bars are not adjusted: a price from before a split is of the old shares.
splits_since as (

    select
        priced.exchange,
        priced.symbol,
        priced.strategy_id,
        priced.snapshot_time,
        list({{ scaled('splits.ratio') }}) as ratios
    from priced
    inner join splits
        on
            {{ same_key('priced', 'splits', ['exchange', 'symbol']) }}
            and splits.effective_at between priced.known_at and priced.snapshot_time
    group by all

),

-- Their product counts 1e-16; where it has no room, or is nothing, there is no price.
split_ratios as (

    select
        *,
        coalesce(
            try(
                list_reduce( -- noqa: LT01
                    list_prepend(10000000000000000::hugeint, ratios), -- noqa: PRS, RF02
                    lambda x, y: x * y // 100000000
                )
            ),
            0
        ) as ratio_units
    from splits_since

),

with_price as (

    select
        priced.* exclude (price, known_at), -- noqa: RF02
        if(
            split_ratios.ratio_units is null,
            priced.price::decimal(28, 10),
            try_cast({{ divide_exactly(
                scaled('priced.price') ~ ' * 100000000', 'split_ratios.ratio_units', 8
            ) }} as decimal(28, 10))
        ) as current_price
    from priced
    left join split_ratios
        on {{ same_key('priced', 'split_ratios', position + ['snapshot_time']) }}

),

valued as (

    select
        with_price.* replace (
            {{ in_money('with_price.cost_basis', 'instruments.multiplier') }} as cost_basis,
            {{ in_money('with_price.realized_pnl', 'instruments.multiplier') }} as realized_pnl
        ),
        instruments.asset_class,
        instruments.quote_currency,
        instruments.multiplier,
        instruments.margined,
        if(
            with_price.quantity = 0,
            0,
            {{ in_money(
                '(with_price.quantity * with_price.current_price)', 'instruments.multiplier'
            ) }}
        ) as market_value
    from with_price
    inner join instruments on {{ same_key('with_price', 'instruments', ['exchange', 'symbol']) }}

),

final as (

    select
        *,
        market_value - cost_basis as unrealized_pnl
    from valued

)

select * from final
order by snapshot_time
