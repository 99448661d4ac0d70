-- Each day of warm ticks and the file that has them. The name tells the version of the schema too, and
-- when the newest batch landed: an upgrade may write other names into rows, and a database that was
-- restored lands other batches under the numbers of those it lost.
-- :warm_days()
with

days as (

    select
        timestamp::date as day,
        count(*) as rows,
        max(batch_id) as newest,
        min(tick_id) as first
    from raw.market_ticks
    group by 1

)

select
    day,
    concat_ws(
        '-', 'warm', rows, newest, epoch_us(max(landed_at)), first,
        (select max(version) from raw.schema_versions)
    ) || '.parquet'
from days
left join raw.landings on batch_id = newest
group by day, rows, newest, first
order by day

-- Constants, so that only the day's row groups are read.
-- :ticks_of_day(day)
where timestamp >= timestamp '$day' and timestamp < timestamp '$day' + interval 1 day
order by exchange, symbol, timestamp, tick_id
