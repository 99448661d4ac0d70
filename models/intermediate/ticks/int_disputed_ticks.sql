-- depends_on: {{ ref('stg_chains') }} {{ ref('int_restored_days') }}
-- depends_on: {{ ref('int_reference_changes') }}
{{ config(materialized='incremental', unique_key='tick_id') }}
{% set seen %}
    {%- if is_incremental() -%}
        (select batch_id from {{ ref('stg_chains') }} where chain = 'ticks')
    {%- else -%} -1 {%- endif -%}
{% endset %}
{% set restored %}
    select days.date from {{ ref('int_restored_days') }} as days
    where
        days.chain = 'ticks'
        and days.relation = 'market_ticks'
{% endset %}

-- The few ticks that a conflict or a correction may change, picked out once: everything after this
-- decides between them without a look at all ticks.
with

ticks as {{ not_materialized() }} (

    select * from {{ landed('ticks') }}

),

new_ticks as (

    select * from {{ ref('int_new_ticks') }}
    where batch_id > {{ seen }}

),

new_conflicts as (

    select * from {{ ref('stg_tick_conflicts') }}
    where
        batch_id > {{ seen }}
        or exists ({{ restored }})

),

confirmations as (

    select * from {{ ref('stg_tick_confirmations') }}

),

named_trades as (

    select
        exchange,
        symbol,
        venue,
        trade_id,
        max(batch_id) as batch_id
    from {{ ref('stg_tick_corrections') }}
    group by all

),

-- A new correction may name any tick, a new tick may be named by any correction: some come first.
-- So may one of a day that is back from the archive.
corrected as (

    select ticks.tick_id
    from ticks
    inner join named_trades
        on
            ticks.exchange = named_trades.exchange
            and ticks.symbol = named_trades.symbol
            and ticks.trade_id = named_trades.trade_id
            and ticks.venue is not distinct from named_trades.venue
    where
        ticks.kind = 'trade'
        and named_trades.batch_id > {{ seen }}
    union all
    select ticks.tick_id
    from ticks
    inner join named_trades
        on
            ticks.exchange = named_trades.exchange
            and ticks.symbol = named_trades.symbol
            and ticks.trade_id = named_trades.trade_id
            and ticks.venue is not distinct from named_trades.venue
    where
        ticks.kind = 'trade'
        and ticks.date in ({{ restored }})

),

waited_for as (

    select new_ticks.tick_id
    from new_ticks
    inner join named_trades
        on
            new_ticks.exchange = named_trades.exchange
            and new_ticks.symbol = named_trades.symbol
            and new_ticks.trade_id = named_trades.trade_id
            and new_ticks.venue is not distinct from named_trades.venue
    where new_ticks.kind = 'trade'

),

in_question as (

    select tick_id from new_conflicts
    union
    select rival_tick_id as tick_id from new_conflicts
    union
    select tick_id from corrected
    union
    select tick_id from waited_for
    {% if is_incremental() %}
        union
        -- Disputed before, and repeated since then by a source that counts more.
        select previous.tick_id
        from {{ this }} as previous
        inner join confirmations on previous.tick_id = confirmations.tick_id
        where confirmations.batch_id > {{ seen }}
    {% endif %}

),

-- A tick counts as its most reliable copy, whichever came first.
final as (

    select
        ticks.tick_id,
        ticks.batch_id,
        ticks.exchange,
        ticks.symbol,
        ticks.timestamp,
        ticks.nanoseconds,
        ticks.kind,
        ticks.venue,
        ticks.sequence_number,
        ticks.trade_id,
        coalesce(confirmations.source, ticks.source) as source,
        {{ content_hash_of_tick('ticks') }} as content_hash,
        ticks.untimed_hash
    from ticks
    inner join in_question on ticks.tick_id = in_question.tick_id
    left join confirmations on ticks.tick_id = confirmations.tick_id

)

select * from final
