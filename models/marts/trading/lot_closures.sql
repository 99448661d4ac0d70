-- depends_on: {{ ref('int_round_trips_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key='closure_id',
    meta={
        'region': {
            'pending': 'int_round_trips_to_restate',
            'by': position[:4],
            'from': 'closed_at'
        },
        'time': 'closed_at'
    }
) }}

with

changes as (

    select changes.*
    from {{ ref('int_lot_changes') }} as changes
    {% if is_incremental() %}
        semi join {{ ref('int_round_trips_to_restate') }} as pending
            on
                {{ same_key('changes', 'pending', position[:4]) }}
                and changes.event_at >= pending.restart_at
    {% endif %}
    where changes.taken_quantity <> 0 and changes.action is distinct from 'symbol_out'

),

lots as (

    select * from {{ ref('int_lots') }}

),

fills as (

    select * from {{ ref('int_lot_fills') }}

),

-- A split that leaves nothing of a lot is no fill.
joined as (

    select
        changes.*,
        lots.lot_id,
        lots.commission as entry_commission,
        lots.fees as entry_fees,
        lots.quote_currency,
        lots.multiplier,
        lots.is_inverse,
        fills.trade_name,
        fills.is_transfer,
        fills.price as exit_price,
        fills.commission,
        fills.fees,
        fills.filled_size,
        abs(changes.opened_quantity) as opened_size,
        abs(changes.quantity) as left_size,
        abs(changes.quantity + changes.taken_quantity) as size_before,
        sum(abs(changes.taken_quantity)) over so_far as taken_so_far,
        sum(abs(changes.taken_quantity)) over so_far - abs(changes.taken_quantity) as taken_before
    from changes
    inner join lots on {{ same_key('changes', 'lots', position + ['lot_number']) }}
    left join fills on {{ same_key('changes', 'fills', position + ['event_number']) }}
    window so_far as (
        partition by {{ columns_of(position + ['event_number'], 'changes') }}
        order by changes.part
    )

),

-- Shares are differences of rounded sums: they add up to what the two fills cost.
charged as (

    select
        * exclude (commission, fees),
        {{ share_of('entry_commission', 'size_before', 'opened_size') }}
        - {{ share_of('entry_commission', 'left_size', 'opened_size') }}
        + if(
            filled_size is null,
            0,
            {{ share_of('commission', 'taken_so_far', 'filled_size') }}
            - {{ share_of('commission', 'taken_before', 'filled_size') }}
        ) as commission,
        {{ share_of('entry_fees', 'size_before', 'opened_size') }}
        - {{ share_of('entry_fees', 'left_size', 'opened_size') }}
        + if(
            filled_size is null,
            0,
            {{ share_of('fees', 'taken_so_far', 'filled_size') }}
            - {{ share_of('fees', 'taken_before', 'filled_size') }}
        ) as fees
    from joined

),

final as (

    select
        {{ stable_id([
            named_account(), 'exchange', 'symbol', 'strategy_id', 'event_number', 'lot_number',
            hedged_side()
        ]) }} as closure_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        lot_id,
        if(is_transfer, null, {{ uuid_v5('charged', 'trade_name') }}) as trade_id,
        case
            when is_transfer then 'transfer'
            when action = 'cash_in_lieu' then 'cash_in_lieu'
            when trade_name is null then 'split'
            else 'fill'
        end as closed_by,
        if(opened_quantity > 0, 'long', 'short') as side,
        abs(taken_quantity)::decimal(38, 10) as quantity,
        opened_at,
        event_at as closed_at,
        event_at - opened_at as holding_period,
        if(
            is_inverse, {{ inverse_price('taken_quantity', 'taken_cost') }}, entry_price
        )::decimal(38, 10) as entry_price,
        if(is_transfer, null, exit_price) as exit_price,
        {{ rounded(in_money('realized_pnl', 'multiplier'), 8) }}
        - {{ rounded(in_money('(realized_pnl - realized_pnl_delta)', 'multiplier'), 8) }}
            as realized_pnl,
        commission::decimal(38, 8) as commission,
        fees::decimal(38, 8) as fees,
        quote_currency as currency
    from charged

)

select * from final
order by closed_at
