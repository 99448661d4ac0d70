-- depends_on: {{ ref('int_orders_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'order_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['exchange', 'symbol', 'order_id'],
            'from': 'first_filled_at'
        },
        'time': 'first_filled_at'
    }
) }}

-- What its fills come to, of an order that has any; busted ones do not count, but did.
with

fills as (

    select fills.*
    from {{ ref('int_fills') }} as fills
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                fills.exchange = pending.exchange
                and fills.symbol = pending.symbol
                and fills.order_id = pending.order_id
                and fills.executed_at >= pending.restart_at
    {% endif %}

),

final as (

    select
        exchange,
        symbol,
        order_id,
        min(executed_at) as first_filled_at,
        bool_or(is_busted) as has_bust,
        max(executed_at) filter (where not is_busted) as last_filled_at,
        max(corrected_at) as corrected_at,
        coalesce(sum(quantity) filter (where not is_busted), 0) as filled_quantity,
        {{ sum_if_known(notional('quantity', 'price'), 'not is_busted') }} as notional_units,
        sum({{ scaled_wide('quantity') }}) filter (where not is_busted) as quantity_units,
        sum(commission) filter (where not is_busted) as commission,
        min(commission_currency) filter (where not is_busted and commission <> 0)
            as commission_currency,
        coalesce(sum(quantity), 0) as claimed_quantity,
        count(distinct coalesce(commission_currency, ''))
        filter (where not is_busted and commission <> 0) as commission_currencies
    from fills
    group by exchange, symbol, order_id

)

select * from final
