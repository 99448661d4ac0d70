-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['snapshot_time', 'account_id', 'currency'],
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}

-- What each account holds in instruments of each currency whenever the portfolio is valued; what
-- has no worth that is known is carried at cost.
with

valuations as (

    select
        *,
        case when cost_basis is not null then coalesce(market_value, cost_basis) end
            as carrying_value,
        coalesce(unrealized_pnl, 0) as known_pnl
    from {{ ref('int_position_valuations') }}
    where quantity is distinct from 0
    {% if is_incremental() %}
        and snapshot_time >= (select restart_at from {{ ref('int_portfolio_to_restate') }})
    {% endif %}

),

times as (

    select * from {{ ref('int_balance_times') }}

),

margin_rates as (

    select * from {{ ref('stg_margin_rates') }}

),

final as (

    select
        valuations.snapshot_time,
        valuations.account_id,
        valuations.quote_currency as currency,
        sum(if(valuations.margined, 0, valuations.carrying_value)) as market_value,
        sum(valuations.known_pnl) as unrealized_pnl,
        sum(if(valuations.margined, valuations.known_pnl, 0)) as margined_pnl,
        sum(abs(valuations.carrying_value)) as gross_notional,
        sum(
            {{ rounded('abs(valuations.carrying_value)', 10) }}
            * coalesce(margin_rates.margin_rate, 1)
        )::decimal(38, 16) as margin_used,
        count_if(valuations.quantity > 0) as long_positions,
        count_if(valuations.quantity < 0) as short_positions,
        count_if(valuations.market_value is null) as unpriced_positions
    from valuations
    semi join times on valuations.snapshot_time = times.snapshot_time
    left join margin_rates on valuations.asset_class = margin_rates.asset_class
    group by valuations.snapshot_time, valuations.account_id, valuations.quote_currency

)

select * from final
order by snapshot_time
