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

with

terms as (

    select terms.*
    from {{ ref('int_order_terms') }} as terms
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on
                terms.exchange = pending.exchange
                and terms.symbol = pending.symbol
                and terms.order_id = pending.order_id
                and terms.updated_at >= pending.restart_at
    {% endif %}

),

fills as (

    select * from {{ ref('int_order_fills') }}

),

joined as (

    select
        terms.* replace (
            -- A quantity that is not known is what its fills come to.
            if(
                terms.quantity = 0, coalesce(fills.filled_quantity, 0), terms.quantity
            )::decimal(28, 10) as quantity
        ),
        coalesce(fills.filled_quantity, 0) as filled_quantity,
        {{ average_price('fills.notional_units', 'fills.quantity_units') }}
            as average_fill_price,
        -- Whether it was full while its busted fills still counted.
        coalesce(
            fills.has_bust and fills.claimed_quantity >= terms.quantity, false
        ) as lost_its_fill,
        fills.last_filled_at,
        fills.corrected_at,
        fills.commission,
        fills.commission_currency,
        coalesce(fills.commission_currencies, 0) as commission_currencies
    from terms
    left join fills
        on
            terms.exchange = fills.exchange
            and terms.symbol = fills.symbol
            and terms.order_id = fills.order_id

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
        filled_quantity::decimal(38, 10) as filled_quantity,
        average_fill_price,
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
        if(commission_currencies <= 1, commission, null)::decimal(38, 10) as commission,
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
