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
        prices.price,
        instruments.asset_class,
        instruments.settle_currency as quote_currency,
        instruments.multiplier,
        instruments.margined,
        instruments.is_inverse
    from times
    inner join instruments on {{ same_key('times', 'instruments', ['exchange', 'symbol']) }}
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
                10
            ) }} as decimal(28, 10))
        ) as current_price,
        -- By the ratio itself: the price of a new share may have no end.
        if(
            splits.new_shares is null or priced.is_inverse,
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

-- without the multiplier
with_worth as (

    select
        *,
        case
            when quantity = 0 then 0
            when is_inverse then {{ inverse_cost('quantity', 'current_price') }}
            else try(quantity * current_price)
        end as worth_of_one
    from with_price

),

valued as (

    select
        * exclude (split_value, worth_of_one) replace (
            {{ column_in_money('cost_basis', 'multiplier') }} as cost_basis,
            {{ column_in_money('realized_pnl', 'multiplier') }} as realized_pnl,
            if(
                is_inverse and quantity <> 0,
                {{ inverse_price('quantity', 'cost_basis') }},
                average_price
            ) as average_price
        ),
        coalesce(
            case when split_value is not null then {{ in_money('split_value', 'multiplier') }} end,
            {{ column_in_money('worth_of_one', 'multiplier') }}
        ) as worth
    from with_worth

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
