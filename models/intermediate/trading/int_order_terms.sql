-- depends_on: {{ ref('int_orders_to_restate') }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{{ config(
    materialized='incremental',
    unique_key=['account_id', 'exchange', 'symbol', 'order_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': ['account_id', 'exchange', 'symbol', 'order_id'],
            'from': 'updated_at'
        },
        'time': 'updated_at'
    }
) }}
{% set in_order = 'event_time, sequence_number nulls last, content_hash' %}
{% set terms = "event_type in ('created', 'submitted', 'replaced')" %}
{% set ending = "event_type in ('cancelled', 'rejected', 'expired')" %}

-- What its events say of an order; its terms are those of its latest replacement.
with

order_events as (

    select events.*
    from {{ ref('int_order_events') }} as events
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                {{ same_key('events', 'pending', order) }}
                and events.event_time >= pending.restart_at
    {% endif %}

),

final as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        -- A list of fills knows neither the client's id nor the type: it repeats the order's id.
        coalesce(
            first(client_order_id order by {{ in_order }})
            filter (where client_order_id <> order_id),
            first(client_order_id order by {{ in_order }})
        ) as client_order_id,
        first(strategy_id order by {{ in_order }}) filter (where strategy_id is not null)
            as strategy_id,
        first(side order by {{ in_order }}) as side,
        {% for column in ['time_in_force', 'price', 'stop_price'] %}
            coalesce(
                last({{ column }} order by {{ in_order }})
                filter (where {{ terms }} and {{ column }} is not null),
                last({{ column }} order by {{ in_order }}) filter (where {{ column }} is not null)
            ) as {{ column }},
        {% endfor %}
        -- A quantity of 0 is not known; a fill does not know more of it than the order itself.
        coalesce(
            if(
                coalesce(bool_or({{ terms }}), false),
                last(quantity order by {{ in_order }}) filter (where {{ terms }} and quantity <> 0),
                last(quantity order by {{ in_order }}) filter (where quantity <> 0)
            ),
            0
        ) as quantity,
        coalesce(
            last(order_type order by {{ in_order }})
            filter (where {{ terms }} and order_type <> 'unknown'),
            last(order_type order by {{ in_order }}) filter (where order_type <> 'unknown'),
            'unknown'
        ) as order_type,
        first(event_type order by {{ in_order }}) filter (where {{ ending }}) as ended_by,
        first(coalesce(status_message, '') order by {{ in_order }}) filter (where {{ ending }})
            as ending_message,
        last(status_message order by {{ in_order }}) filter (where status_message is not null)
            as last_message,
        coalesce(bool_or(event_type in ('submitted', 'replaced')), false) as was_submitted,
        coalesce(
            min(event_time) filter (where event_type = 'created'), min(event_time)
        ) as created_at,
        min(event_time) filter (where event_type = 'submitted') as submitted_at,
        max(event_time) as updated_at,
        first(correlation_id order by {{ in_order }}) filter (where correlation_id is not null)
            as correlation_id,
        first(parent_order_id order by {{ in_order }}) filter (where parent_order_id is not null)
            as parent_order_id,
        coalesce(
            last(extended_hours order by {{ in_order }}) filter (where extended_hours is not null),
            false
        ) as extended_hours,
        last(metadata order by {{ in_order }}) filter (where metadata is not null) as metadata,
        not coalesce(bool_or({{ terms }} or {{ ending }}), false) as is_implied
    from order_events
    -- A correction names a fill, and a transfer is none; they do not make an order.
    where event_type not in ('trade_bust', 'trade_correct', 'transfer_in', 'transfer_out')
    group by account_id, exchange, symbol, order_id

)

select * from final
