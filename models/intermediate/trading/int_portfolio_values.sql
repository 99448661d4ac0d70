-- What each account was worth in base currency at every snapshot time, and `all` of them together.
-- Room in one account is none for the margin of another.
{% set amounts = [
    'flow', 'other_cash', 'carry', 'realized_pnl', 'commission', 'fees', 'cash', 'market_value',
    'unrealized_pnl', 'gross_notional', 'margin_used', 'equity', 'buying_power'
] %}
{% set counts = ['long_positions', 'short_positions', 'unpriced_positions'] %}

with

accounts as (

    select * from {{ ref('int_account_values') }}

),

together as (

    select
        snapshot_time,
        'all' as account_id,
        bool_or(is_busy) as is_busy,
        {% for amount in amounts %}
            sum({{ amount }})::decimal(38, 16) as {{ amount }},
        {% endfor %}
        {% for number in counts %}
            sum({{ number }})::integer as {{ number }},
        {% endfor %}
        list_sort(list_distinct(flatten(list(unconverted_currencies)))) as unconverted_currencies
    from accounts
    group by snapshot_time

),

final as (

    select * from accounts
    union all by name
    select * from together

)

select * from final
