{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- From when on the portfolio may be worth something else since all of the chain was built: it is
-- one, so from the first change on all of it. No row where nothing changed.
with

valuations_to_restate as (

    select * from {{ ref('int_valuations_to_restate') }}

),

cash_to_restate as (

    select * from {{ ref('int_cash_to_restate') }}

),

changed_rates as (

    select * from {{ ref('int_changed_rates') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

manual_snapshots as (

    select * from {{ ref('stg_manual_snapshots') }}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where
        chain = 'trading'
        and relation = 'portfolio_snapshots'

),

changed_settings as (

    select * from {{ ref('int_reference_changes') }}
    where
        chain = 'trading'
        and kind = 'settings'

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

restarts as (

    select restart_at from valuations_to_restate
    union all
    select restart_at from cash_to_restate
    union all
    select restart_at from changed_rates
    union all
    select changed_from as restart_at
    from cash_events
    where changed_in_batch > (select built.batch_id from built)
    union all
    select cash_events.changed_from as restart_at
    from cash_events
    cross join changed_settings
    union all
    select snapshot_time as restart_at
    from manual_snapshots
    where after_run >= (select built.run_number from built)
    union all
    select coalesce(built.valued_until, timestamp '-infinity') as restart_at
    from built
    inner join snapshot_times
        on
            snapshot_times.snapshot_type = 'newest'
            and built.valued_until is distinct from snapshot_times.snapshot_time
    union all
    select date::timestamp as restart_at
    from restored_days

),

final as (

    select min(restart_at) as restart_at
    from restarts
    having count(*) > 0

)

select * from final
