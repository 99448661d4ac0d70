{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- What corrections and busts say of a fill. One may name the trade id of any version of it.
with

fill_versions as (

    select * from {{ ref('int_order_events') }}
    where is_fill

),

corrections as (

    select * from {{ ref('int_order_events') }}
    where is_correction

),

names as (

    select * from {{ ref('int_correction_names') }}

),

matches as (

    select
        {{ columns_of(order + ['fill_id'], 'fill_versions') }},
        names.event_id,
        names.order_id as named_order,
        names.order_id = fill_versions.order_id as is_of_order
    from names
    inner join fill_versions
        on
            {{ same_key('names', 'fill_versions', ['account_id', 'exchange', 'symbol']) }}
            and names.name = fill_versions.trade_id
    where names.is_trade_id
    union
    select
        {{ columns_of(order + ['fill_id'], 'fill_versions') }},
        names.event_id,
        names.order_id as named_order,
        true as is_of_order
    from names
    inner join fill_versions
        on
            {{ same_key('names', 'fill_versions', order) }}
            and names.name = fill_versions.exchange_trade_id

),

-- An id may be unique within its order or day only: another order's fill counts where the
-- correction's own has none that it names.
named_corrections as (

    select distinct {{ columns_of(order + ['fill_id', 'event_id']) }}
    from matches
    qualify
        is_of_order
        or not bool_or(is_of_order) over (
            partition by account_id, exchange, symbol, event_id, named_order
        )

),

final as (

    select
        {{ columns_of(order + ['fill_id'], 'named_corrections') }},
        bool_or(corrections.event_type = 'trade_bust') as is_busted,
        {% for column in [
            'fill_quantity', 'fill_price', 'commission', 'commission_currency', 'fees'
        ] %}
            last(
                corrections.{{ column }}
                order by
                    corrections.event_time,
                    corrections.sequence_number nulls last,
                    corrections.content_hash
            ) filter (where corrections.{{ column }} is not null) as {{ column }},
        {% endfor %}
        max(corrections.event_time) as corrected_at
    from named_corrections
    inner join corrections
        on
            {{ same_key(
                'named_corrections', 'corrections', ['account_id', 'exchange', 'symbol', 'event_id']
            ) }}
    group by {{ columns_of(order + ['fill_id'], 'named_corrections') }}

)

select * from final
