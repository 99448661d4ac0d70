-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key='snapshot_id',
    meta={
        'region': {
            'pending': 'int_portfolio_to_restate',
            'by': [],
            'from': 'snapshot_time'
        },
        'time': 'snapshot_time',
        'cold': {'relation': 'portfolio_snapshots', 'id': 'snapshot_id'}
    }
) }}

with

portfolio_returns as (

    select * from {{ ref('int_portfolio_returns') }}
    {% if is_incremental() %}
        where snapshot_time >= (select restart_at from {{ ref('int_portfolio_to_restate') }})
    {% endif %}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

final as (

    select
        {{ stable_id([
            "nullif(values_at.account_id, 'all')",
            'values_at.snapshot_time',
            'snapshot_times.snapshot_type'
        ]) }} as snapshot_id,
        values_at.account_id,
        values_at.snapshot_time,
        snapshot_times.snapshot_type,
        values_at.cash::decimal(38, 2) as cash_balance,
        values_at.buying_power::decimal(38, 2) as buying_power,
        values_at.equity::decimal(38, 2) as portfolio_value,
        values_at.equity::decimal(38, 2) as equity,
        values_at.total_pnl::decimal(38, 2) as total_pnl,
        if(
            values_at.period_start is null and values_at.flow = 0,
            null,
            try_cast((values_at.return_index - 1) * 100 as decimal(10, 4))
        ) as total_pnl_pct,
        values_at.daily_pnl::decimal(38, 2) as daily_pnl,
        if(
            values_at.period_start is null and values_at.flow = 0,
            null,
            try_cast(values_at.daily_return * 100 as decimal(10, 4))
        ) as daily_pnl_pct,
        try_cast(
            {{ divide_exactly(
                units('values_at.gross_notional'), units('values_at.equity'), 4
            ) }} as decimal(10, 4)
        ) as leverage,
        values_at.margin_used::decimal(38, 2) as margin_used,
        values_at.max_drawdown::decimal(38, 2) as max_drawdown,
        if(
            values_at.period_start is null and values_at.flow = 0,
            null,
            try_cast(values_at.max_drawdown_ratio * 100 as decimal(10, 4))
        ) as max_drawdown_pct,
        values_at.long_positions,
        values_at.short_positions,
        values_at.long_positions + values_at.short_positions as total_positions,
        {
            'unpriced_positions': values_at.unpriced_positions,
            'unconverted_currencies': values_at.unconverted_currencies
        }::json as metadata,
        values_at.net_flows::decimal(38, 2) as net_flows,
        values_at.other_cash::decimal(38, 2) as other_cash,
        values_at.carry::decimal(38, 2) as carry,
        values_at.realized_pnl::decimal(38, 2) as realized_pnl,
        values_at.unrealized_pnl::decimal(38, 2) as unrealized_pnl,
        values_at.commission::decimal(38, 2) as commission,
        values_at.fees::decimal(38, 2) as fees
    from portfolio_returns as values_at
    inner join snapshot_times
        on values_at.snapshot_time = snapshot_times.snapshot_time
    where
        snapshot_times.snapshot_type <> 'flow'
        and (snapshot_times.snapshot_type <> 'intraday' or values_at.is_busy)

)

select * from final
