-- depends_on: {{ ref('int_orders_to_restate') }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key=['account_id', 'exchange', 'symbol', 'source_order_id'],
    meta={
        'region': {
            'pending': 'int_orders_to_restate',
            'by': {
                'account_id': 'account_id',
                'exchange': 'exchange',
                'symbol': 'symbol',
                'source_order_id': 'order_id'
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
                {{ same_key('terms', 'pending', order) }}
                and terms.updated_at >= pending.restart_at
    {% endif %}

),

fills as (

    select * from {{ ref('int_order_fills') }}

),

inverse_orders as (

    select * from {{ ref('int_inverse_orders') }}

),

joined as (

    select
        terms.* replace (nullif(terms.quantity, 0) as quantity), -- noqa: RF02
        {{ order_name('terms.order_id') }} as order_name,
        {{ order_name('terms.parent_order_id') }} as parent_order_name,
        coalesce(fills.filled_quantity, 0) as filled_quantity,
        case
            when inverse_orders.order_id is not null
                then {{ inverse_price('inverse_orders.quantity', 'inverse_orders.cost') }}
            else {{ average_price('fills.notional_units', 'fills.quantity_units') }}
        end::decimal(28, 10) as average_fill_price,
        coalesce(fills.has_bust, false) as has_bust,
        coalesce(fills.is_called_filled, false) as is_called_filled,
        -- Whether it was full while its fills still counted as they were told.
        coalesce(
            if(
                terms.quantity = 0, fills.is_called_filled, fills.claimed_quantity >= terms.quantity
            ),
            false
        ) as was_full,
        fills.last_filled_at,
        fills.corrected_at,
        fills.commission,
        fills.commission_currency,
        coalesce(fills.commission_currencies, 0) as commission_currencies
    from terms
    left join fills on {{ same_key('terms', 'fills', order) }}
    left join inverse_orders on {{ same_key('terms', 'inverse_orders', order) }}

),

with_status as (

    select
        *,
        case
            when filled_quantity > 0 and filled_quantity >= quantity then 'filled'
            -- What the exchange called filled, a correction does not reopen; a bust ends it.
            when filled_quantity > 0 and is_called_filled and was_full and not has_bust
                then 'filled'
            when ended_by = 'rejected' then 'rejected'
            when ended_by is not null or (has_bust and was_full) then 'cancelled'
            when filled_quantity > 0 then 'partial'
            when was_submitted then 'submitted'
            else 'pending'
        end as status
    from joined

),

final as (

    select
        {{ uuid_v5('with_status', 'order_name') }} as order_id,
        client_order_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        side,
        order_type,
        time_in_force,
        -- An unknown quantity is what its fills come to, once it is filled.
        coalesce(quantity, if(status = 'filled', filled_quantity, null))::decimal(28, 10)
            as quantity,
        price,
        stop_price,
        filled_quantity::decimal(38, 10) as filled_quantity,
        average_fill_price,
        status,
        case
            when status in ('cancelled', 'rejected') and ended_by = 'expired' then 'expired'
            when status in ('cancelled', 'rejected') and ended_by is null then 'fill busted'
            when status in ('cancelled', 'rejected') then nullif(ending_message, '')
            when status <> 'filled' then last_message
        end as status_message,
        created_at,
        submitted_at,
        greatest(updated_at, coalesce(corrected_at, updated_at)) as updated_at,
        if(status = 'filled', last_filled_at, null) as filled_at,
        if(commission_currencies <= 1, commission, null)::decimal(38, 10) as commission,
        if(commission_currencies <= 1, commission_currency, null) as commission_currency,
        coalesce(
            correlation_id, {{ uuid_v5('with_status', "concat('correlation/', order_id)") }}
        ) as correlation_id,
        {{ uuid_v5('with_status', 'parent_order_name') }} as parent_order_id,
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
