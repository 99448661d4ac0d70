-- One row per kind of landing: its batches after $after, the manifest against the rows in the tables.
-- Rows whose reason ends in $waits wait for an archived day: nothing is wrong with them.
with

in_tables as (

    select batch_id from landed_market_ticks
    union all
    select batch_id from landed_tick_corrections
    union all
    select batch_id from landed_order_events
    union all
    select batch_id from landed_cash_events
    union all
    select batch_id from landed_corporate_actions
    union all
    select batch_id from landed_statements
    union all
    select batch_id from landed_system_metrics
    union all
    select batch_id from landed_application_logs

),

in_raw as (

    select batch_id, sum(rows) as rows
    from (
        select batch_id, count(*) as rows from in_tables where batch_id > $after group by all
        union all
        select batch_id, rows from raw.removed_rows where batch_id > $after
    )
    group by all

),

rejected as (

    select
        batch_id,
        count(*) as rows,
        count_if(suffix(reason, $waits)) as waiting
    from raw.rejected_rows
    where batch_id > $after
    group by all

),

-- Why most rows of a batch were rejected, those aside that wait.
reasons as (

    select batch_id, arg_max(reason, rows) as reason
    from (
        select batch_id, reason, count(*) as rows
        from raw.rejected_rows
        where batch_id > $after and not suffix(reason, $waits)
        group by all
    )
    group by all

),

landings as (

    select
        landings.*,
        reasons.reason,
        landings.rows_rejected - coalesce(rejected.waiting, 0) as refused,
        coalesce(in_raw.rows, 0) != landings.rows_landed
        or coalesce(rejected.rows, 0) != landings.rows_rejected as disagrees
    from raw.landings
    left join in_raw using (batch_id)
    left join rejected using (batch_id)
    left join reasons using (batch_id)
    where landings.batch_id > $after

)

select
    kind as subject,
    count(*) as batches,
    count_if(disagrees) as batches_that_disagree,
    sum(rows_read)::bigint as rows_read,
    sum(rows_landed)::bigint as rows_landed,
    sum(rows_duplicate)::bigint as rows_duplicate,
    sum(rows_rejected)::bigint as rows_rejected,
    coalesce(sum(refused) / nullif(sum(rows_read), 0), 0) as rejected_share,
    coalesce(sum(rows_duplicate) / nullif(sum(rows_read), 0), 0) as duplicate_share,
    sum(refused)::bigint as rows_refused,
    arg_max(file_name, refused) as most_rejected_in,
    arg_max(reason, refused) as most_rejected_for
from landings
group by all
order by subject
