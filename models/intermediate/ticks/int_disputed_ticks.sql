-- depends_on: {{ ref('stg_chains') }} {{ ref('int_new_ticks') }}
-- The few ticks that a conflict or a correction may change, picked out once: everything after this
-- decides between them without a look at all ticks.
{{ config(materialized='incremental', unique_key='tick_id') }}
{% set seen %}
    {% if is_incremental() -%}
        (select batch_id from {{ ref('stg_chains') }} where chain = 'ticks')
    {%- else -%} -1 {%- endif %}
{% endset %}

with

ticks as {{ not_materialized() }} (

    select
        tick_id,
        exchange,
        symbol,
        kind,
        venue,
        timestamp,
        sequence_number,
        trade_id,
        source,
        content_hash
    from {{ landed('ticks') }}

),

new_ticks as {{ not_materialized() }} (

    {% if is_incremental() %}
        select {{ exclude_columns(['batch_id']) }}
        from {{ ref('int_new_ticks') }}
        where batch_id > {{ seen | trim }}
    {% else %}
        select * from ticks
    {% endif %}

),

new_conflicts as (

    select * from {{ ref('stg_tick_conflicts') }}
    where batch_id > {{ seen | trim }}

),

confirmations as (

    select * from {{ ref('stg_tick_confirmations') }}

),

corrections as (

    select * from {{ ref('stg_tick_corrections') }}

),

{% if is_incremental() %}

    -- Disputed before, and repeated since then by a source that counts more.
    confirmed_since as (

        select previous.tick_id
        from {{ this }} as previous
        inner join confirmations on previous.tick_id = confirmations.tick_id
        where confirmations.batch_id > {{ seen | trim }}

    ),

{% endif %}

in_question as (

    select tick_id from new_conflicts
    union distinct
    select rival_tick_id from new_conflicts
    {% if is_incremental() %}
        union distinct
        select tick_id from confirmed_since
    {% endif %}

),

questioned as (

    select ticks.*
    from ticks
    inner join in_question on ticks.tick_id = in_question.tick_id

),

new_corrections as (

    select distinct
        exchange,
        symbol,
        venue,
        trade_id
    from corrections
    where batch_id > {{ seen | trim }}

),

corrected as (

    select ticks.*
    from ticks
    inner join new_corrections
        on
            ticks.exchange = new_corrections.exchange
            and ticks.symbol = new_corrections.symbol
            and ticks.trade_id = new_corrections.trade_id
            and ticks.venue is not distinct from new_corrections.venue
    where ticks.kind = 'trade'

),

waiting_corrections as (

    select distinct
        exchange,
        symbol,
        venue,
        trade_id
    from corrections
    where batch_id <= {{ seen | trim }}

),

waited_for as (

    select new_ticks.*
    from new_ticks
    inner join waiting_corrections
        on
            new_ticks.exchange = waiting_corrections.exchange
            and new_ticks.symbol = waiting_corrections.symbol
            and new_ticks.trade_id = waiting_corrections.trade_id
            and new_ticks.venue is not distinct from waiting_corrections.venue
    where new_ticks.kind = 'trade'

),

disputed as (

    select * from questioned
    union all
    select * from corrected
    union all
    select * from waited_for

),

-- A tick counts as its most reliable copy, whichever came first.
final as (

    select distinct
        disputed.tick_id,
        disputed.exchange,
        disputed.symbol,
        disputed.timestamp,
        disputed.kind,
        disputed.venue,
        disputed.sequence_number,
        disputed.trade_id,
        coalesce(confirmations.source, disputed.source) as source,
        disputed.content_hash
    from disputed
    left join confirmations on disputed.tick_id = confirmations.tick_id

)

select * from final
