with

gains as (

    select * from {{ ref('int_currency_gains') }}

),

final as (

    select
        account_id,
        currency,
        snapshot_time,
        rate,
        {% for amount in [
            'net_flows', 'other_cash', 'carry', 'realized_pnl', 'unrealized_pnl', 'commission',
            'fees', 'brought_in', 'currency_gain'
        ] %}
            {{ rounded(amount, 8) }} as {{ amount }},
        {% endfor %}
        {{ rounded(
            'net_flows + other_cash + carry + realized_pnl + unrealized_pnl - commission - fees'
            ~ ' - brought_in + currency_gain',
            8
        ) }} as equity
    from gains

)

select * from final
