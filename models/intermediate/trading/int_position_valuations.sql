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

-- What each position was worth whenever it was valued. What is flat is worth nothing; without a
-- price the worth is unknown.
with

times as (

    select times.*
    from {{ ref('int_position_times') }} as times
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('times', 'pending', position[:4]) }}
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

    select * from {{ ref('int_price_splits') }}

),

priced as (

    select
        times.*,
        prices.price
    from times
    inner join prices on {{ same_key('times', 'prices', position + ['snapshot_time']) }}

),

with_price as (

    select
        priced.* exclude (price), -- noqa: RF02
        if(
            splits.new_shares is null,
            priced.price::decimal(28, 10),
            try_cast({{ divide_exactly(
                scaled('priced.price') ~ ' * splits.old_shares',
                'splits.new_shares * 100000000',
                8
            ) }} as decimal(28, 10))
        ) as current_price,
        -- By the ratio itself: the price of a new share may have no end.
        if(
            splits.new_shares is null,
            null,
            {{ divide_in_integers(
                notional('priced.quantity', 'priced.price') ~ ' * splits.old_shares',
                'splits.new_shares * 10000',
                16,
                decimals_of_numerator=16
            ) }}
        ) as split_value
    from priced
    left join splits
        on {{ same_key('priced', 'splits', position + ['snapshot_time']) }}

),

valued as (

    select
        with_price.* exclude (split_value) replace ( -- noqa: RF02
            {{ in_money('with_price.cost_basis', 'instruments.multiplier') }} as cost_basis,
            {{ in_money('with_price.realized_pnl', 'instruments.multiplier') }} as realized_pnl,
            if(
                instruments.is_inverse and with_price.quantity <> 0,
                {{ inverse_price('with_price.quantity', 'with_price.cost_basis') }},
                with_price.average_price
            ) as average_price
        ),
        instruments.asset_class,
        instruments.settle_currency as quote_currency,
        instruments.multiplier,
        instruments.margined,
        instruments.is_inverse,
        case
            when with_price.quantity = 0 then 0
            when instruments.is_inverse
                then {{ in_money(
                    inverse_cost('with_price.quantity', 'with_price.current_price'),
                    'instruments.multiplier'
                ) }}
            else
                coalesce(
                    {{ in_money('with_price.split_value', 'instruments.multiplier') }},
                    {{ in_money(
                        '(with_price.quantity * with_price.current_price)', 'instruments.multiplier'
                    ) }}
                )
        end as worth
    from with_price
    inner join instruments on {{ same_key('with_price', 'instruments', ['exchange', 'symbol']) }}

),

final as (

    select
        * exclude (worth),
        if(is_inverse, -worth, worth) as market_value,
        worth - cost_basis as unrealized_pnl
    from valued

)

select * from final
order by snapshot_time
