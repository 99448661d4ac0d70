-- depends_on: {{ ref('int_round_trips_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_at'],
    meta={
        'region': {
            'pending': 'int_round_trips_to_restate',
            'by': position[:4],
            'from': 'event_at'
        },
        'time': 'event_at'
    }
) }}

-- What its fills have cost a position so far, after those of each time; a commission that could not
-- be converted is not in it.
with

charged_fills as (

    select commissions.*
    from {{ ref('int_fill_commissions') }} as commissions
    {% if is_incremental() %}
        semi join {{ ref('int_round_trips_to_restate') }} as pending
            on
                {{ same_key('commissions', 'pending', position[:4]) }}
                and commissions.event_at >= pending.restart_at
    {% endif %}

),

charges as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        event_at,
        {{ sum_if_known('if(is_converted, commission, 0)') }} as commission,
        sum(fees) as fees
    from charged_fills
    group by {{ columns_of(position) }}, event_at

),

beginnings as (

    {% if is_incremental() %}
        select former.*
        from {{ this }} as former
        inner join {{ ref('int_round_trips_to_restate') }} as pending
            on
                {{ same_key('former', 'pending', position[:4]) }}
                and former.event_at < pending.restart_at
        qualify
            row_number() over (
                partition by {{ columns_of(position, 'former') }}
                order by former.event_at desc
            ) = 1
    {% else %}
        select * from charges
        where false
    {% endif %}

),

final as (

    select
        charges.account_id,
        charges.exchange,
        charges.symbol,
        charges.strategy_id,
        charges.position_side,
        charges.event_at,
        -- After one that is unknown all are.
        case
            when bool_or(charges.commission is null) over history then null
            when beginnings.event_at is null then sum(charges.commission) over history
            else beginnings.commission + sum(charges.commission) over history
        end::decimal(38, 16) as commission,
        (coalesce(beginnings.fees, 0) + sum(charges.fees) over history)::decimal(38, 16) as fees
    from charges
    left join beginnings on {{ same_key('charges', 'beginnings', position) }}
    window history as (
        partition by {{ columns_of(position, 'charges') }}
        order by charges.event_at
    )

)

select * from final
order by event_at
