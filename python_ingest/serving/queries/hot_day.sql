-- The ticks that readers see in memory.

-- :hot_day(published, since)
create schema hot;
create table hot.ticks as
select * from $published where timestamp >= timestamp $since
order by exchange, symbol, timestamp;
create view market_ticks as
select * from hot.ticks
union all
select * from $published where timestamp < timestamp $since;

-- :accepted(rows, columns, place, occurrence)
select $columns, content_hash, row_number,
    case when $unordered then $place end as place,
    case when $keyless then $occurrence else 1 end as occurrence
from $rows
-- :nth_of_content()
row_number() over (partition by content_hash order by row_number)

-- :hot_batch()
create or replace temp table batch as
select
    * exclude (row_number),
    row_number() over () as row_number,
    $content as content,
    null::varchar as reason,
    null::varchar as ignored
from (from arrived qualify $one_of_each)
-- One tick per key, or per content and occurrence; ticks from REST files win.
-- :one_of_each()
row_number() over (
    partition by exchange, symbol, kind, venue, timestamp::date, $keys,
        case when $keyless then content_hash end, occurrence
    order by source not in $reliable, content_hash
) = 1
-- What tells ticks without a key apart; the published relation has no content hash.
-- :content()
hash(exchange, symbol, kind, venue, timestamp, nanoseconds, bid_price, ask_price, bid_size,
    ask_size, last_price, last_size, volume, sequence_number, trade_id, conditions, tape)

-- :numbered_before()
insert into known
select row_number
from batch
inner join (
    select content, count(*) as known_times
    from (
        select $content as content
        from market_ticks
        where timestamp >= $$first and $$last >= timestamp
    )
    group by content
) as seen on batch.content = seen.content
where $keyless and occurrence <= known_times

-- Queries get no files but cold ones, no extensions, settings and Python objects.
-- :restricted(folders)
set allowed_directories = [$folders];
set python_enable_replacements = false;
set allow_community_extensions = false;
set enable_external_access = false;
set lock_configuration = true;
