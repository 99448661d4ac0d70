-- depends_on: {{ ref('int_orders_to_restate') }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{{ config(
    materialized='incremental',
    unique_key=['account_id', 'exchange', 'symbol', 'order_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['account_id', 'exchange', 'symbol', 'order_id'],
            'from': 'first_filled_at'
        },
        'time': 'first_filled_at'
    }
) }}

-- What its fills come to, of an order that has any; busted ones do not count, but did. What a fill
-- was told as says whether the exchange called the order filled.
with

fills as (

    select fills.*
    from {{ ref('int_fills') }} as fills
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                {{ same_key('fills', 'pending', order) }}
                and fills.executed_at >= pending.restart_at
    {% endif %}
    where fills.transfer is null

),

events as (

    select * from {{ ref('int_order_events') }}

),

told as (

    select
        fills.*,
        events.event_type,
        events.fill_quantity as told_quantity
    from fills
    inner join events
        on {{ same_key('fills', 'events', ['account_id', 'exchange', 'symbol', 'event_id']) }}

),

final as (

    select
        account_id,
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
        greatest(sum(quantity), sum(told_quantity)) as claimed_quantity,
        -- A distinct count would group all rows once more.
        len(list_distinct(
            list(coalesce(commission_currency, ''))
            filter (where not is_busted and commission <> 0)
        )) as commission_currencies,
        bool_or(event_type = 'fill') as is_called_filled
    from told
    group by account_id, exchange, symbol, order_id

)

select * from final
