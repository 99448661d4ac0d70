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

named_corrections as (

    select
        fill_versions.account_id,
        fill_versions.exchange,
        fill_versions.symbol,
        fill_versions.order_id,
        fill_versions.fill_id,
        names.event_id
    from names
    inner join fill_versions
        on
            {{ same_key('names', 'fill_versions', ['account_id', 'exchange', 'symbol']) }}
            and names.name = fill_versions.trade_id
    where names.is_trade_id
    union
    select
        fill_versions.account_id,
        fill_versions.exchange,
        fill_versions.symbol,
        fill_versions.order_id,
        fill_versions.fill_id,
        names.event_id
    from names
    inner join fill_versions
        on
            {{ same_key('names', 'fill_versions', order) }}
            and names.name = fill_versions.exchange_trade_id

),

final as (

    select
        named_corrections.account_id,
        named_corrections.exchange,
        named_corrections.symbol,
        named_corrections.order_id,
        named_corrections.fill_id,
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
            named_corrections.account_id = corrections.account_id
            and named_corrections.exchange = corrections.exchange
            and named_corrections.symbol = corrections.symbol
            and named_corrections.event_id = corrections.event_id
    group by
        named_corrections.account_id,
        named_corrections.exchange,
        named_corrections.symbol,
        named_corrections.order_id,
        named_corrections.fill_id

)

select * from final
