-- depends_on: {{ ref('int_orders_to_restate') }}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'source_order_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': {
                'exchange': 'exchange', 'symbol': 'symbol', 'source_order_id': 'order_id'
            },
            'from': 'updated_at'
        },
        'time': 'updated_at',
        'cold': {'relation': 'orders', 'id': 'order_id'}
    }
) }}

{% set in_order = 'event_time, sequence_number nulls last, content_hash' %}
{% set terms = "event_type in ('created', 'submitted', 'replaced')" %}
{% set ending = "event_type in ('cancelled', 'rejected', 'expired')" %}

with

order_events as (

    select events.*
    from {{ ref('int_order_events') }} as events
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                events.exchange = pending.exchange
                and events.symbol = pending.symbol
                and events.order_id = pending.order_id
                and events.event_time >= pending.restart_at
    {% endif %}

),

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

-- What the events say; the terms of an order are those of its latest replacement.
folded_events as (

    select
        exchange,
        symbol,
        order_id,
        first(client_order_id order by {{ in_order }}) as client_order_id,
        first(strategy_id order by {{ in_order }}) filter (where strategy_id is not null)
            as strategy_id,
        first(side order by {{ in_order }}) as side,
        {% for column in ['order_type', 'time_in_force', 'quantity', 'price', 'stop_price'] %}
            coalesce(
                last({{ column }} order by {{ in_order }})
                filter (where {{ terms }} and {{ column }} is not null),
                last({{ column }} order by {{ in_order }}) filter (where {{ column }} is not null)
            ) as {{ column }},
        {% endfor %}
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
    -- A correction names a fill; it does not make an order.
    where event_type not in ('trade_bust', 'trade_correct')
    group by exchange, symbol, order_id

),

folded_fills as (

    select
        exchange,
        symbol,
        order_id,
        bool_or(is_busted) as has_bust,
        max(executed_at) filter (where not is_busted) as last_filled_at,
        max(corrected_at) as corrected_at,
        coalesce(sum(quantity) filter (where not is_busted), 0) as filled_quantity,
        sum({{ scaled('quantity') }} * {{ scaled('price') }})
        filter (where not is_busted) as notional_units,
        sum({{ scaled('quantity') }} * 100000000)
        filter (where not is_busted) as quantity_units,
        sum(commission) filter (where not is_busted) as commission,
        min(commission_currency) filter (where not is_busted and commission <> 0)
            as commission_currency,
        coalesce(sum(quantity), 0) as claimed_quantity,
        count(distinct coalesce(commission_currency, ''))
        filter (where not is_busted and commission <> 0) as commission_currencies
    from fills
    group by exchange, symbol, order_id

),

joined as (

    select
        folded_events.*,
        coalesce(folded_fills.filled_quantity, 0) as filled_quantity,
        {{ divide_exactly('folded_fills.notional_units', 'folded_fills.quantity_units', 8) }}
            as average_fill_price,
        -- Whether it was full while its busted fills still counted.
        coalesce(
            folded_fills.has_bust and folded_fills.claimed_quantity >= folded_events.quantity, false
        ) as lost_its_fill,
        folded_fills.last_filled_at,
        folded_fills.corrected_at,
        folded_fills.commission,
        folded_fills.commission_currency,
        coalesce(folded_fills.commission_currencies, 0) as commission_currencies
    from folded_events
    left join folded_fills
        on
            folded_events.exchange = folded_fills.exchange
            and folded_events.symbol = folded_fills.symbol
            and folded_events.order_id = folded_fills.order_id

),

with_status as (

    select
        *,
        case
            when filled_quantity > 0 and filled_quantity >= quantity
                then 'filled'
            when ended_by = 'rejected' then 'rejected'
            when ended_by is not null then 'cancelled'
            when lost_its_fill then 'cancelled'
            when filled_quantity > 0 then 'partial'
            when was_submitted then 'submitted'
            else 'pending'
        end as status
    from joined

),

final as (

    select
        {{ uuid_v5('exchange', 'symbol', 'order_id') }} as order_id,
        client_order_id,
        exchange,
        symbol,
        strategy_id,
        side,
        order_type,
        time_in_force,
        quantity,
        price,
        stop_price,
        filled_quantity::decimal(18, 8) as filled_quantity,
        average_fill_price::decimal(18, 8) as average_fill_price,
        status,
        case
            when status in ('cancelled', 'rejected') and ended_by = 'expired' then 'expired'
            when status in ('cancelled', 'rejected') and ended_by is null then 'fill busted'
            when status in ('cancelled', 'rejected') then nullif(ending_message, '')
            else last_message
        end as status_message,
        created_at,
        submitted_at,
        greatest(updated_at, coalesce(corrected_at, updated_at)) as updated_at,
        if(status = 'filled', last_filled_at, null) as filled_at,
        if(commission_currencies <= 1, commission, null)::decimal(18, 8) as commission,
        if(commission_currencies <= 1, commission_currency, null) as commission_currency,
        coalesce(
            correlation_id, {{ uuid_v5('exchange', 'symbol', "concat('correlation/', order_id)") }}
        ) as correlation_id,
        {{ uuid_v5('exchange', 'symbol', 'parent_order_id') }} as parent_order_id,
        extended_hours,
        {
            'algo_params': metadata -> '$.algo_params',
            'risk_checks': metadata -> '$.risk_checks',
            'performance_metrics': metadata -> '$.performance_metrics'
        }::struct(algo_params json, risk_checks json, performance_metrics json) as metadata,
        order_id as source_order_id,
        is_implied
    from with_status

)

select * from final
order by updated_at
