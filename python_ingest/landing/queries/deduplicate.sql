-- Which rows of a batch were landed before.

-- :count(time, of_ticks)
select count(*), count(*) filter (where reason is not null), count(ignored),
    count(*) $accepted, min($time) $accepted, max($time) $accepted, $of_ticks
from batch
-- :accepted()
filter (where reason is null and ignored is null)
-- :of_ticks(unordered)
count(key_id) $accepted, count(key_number) $accepted, $unordered,
    min(key_id), max(key_id), min(key_number), max(key_number)
-- CASE, since FILTER computes what it counts for every row.
-- :count_unordered(is_unordered)
count(case when $is_unordered then 1 end) $accepted

-- `hash` finds candidates within one statement; nothing of it is stored.
-- :tick_key()
case when key_id is not null
    then hash(exchange, symbol, kind, venue, timestamp::date, key_id)
    when key_number is not null
    then hash(exchange, symbol, kind, venue, timestamp::date, key_number)
    else hash(exchange, symbol, kind, venue, timestamp, nanoseconds, bid_price, ask_price,
    bid_size, ask_size, last_price, last_size, conditions, sequence_number, trade_id) end

-- The keys that several rows have.
-- :several(table, key, rows)
create or replace temp table $table as
select $key as key from $rows group by 1 having count(*) > 1

-- The right sides of semi joins of `b` with what is known.
-- :by_trade_id(known)
(
    select * from $known where $of_days and trade_id >= $$low_id and trade_id <= $$high_id
) as t on $same_day and t.trade_id = b.key_id
-- :by_sequence(known)
(
    select * from $known where $of_days and sequence_number >= $$low and sequence_number <= $$high
) as t on $same_day and t.sequence_number = b.key_number
-- :by_content(known)
(select * from $known where timestamp >= $$first and timestamp <= $$last) as t
on t.exchange = b.exchange and t.symbol = b.symbol and t.kind = b.kind
and t.timestamp = b.timestamp and t.trade_id is not distinct from b.trade_id
and t.sequence_number is not distinct from b.sequence_number
and b.key_id is null and b.key_number is null
-- :by_hash(known, time)
(select content_hash from $known where $time >= $$first and $time <= $$last) as t
on t.content_hash = b.content_hash
-- :of_days()
timestamp >= $$first::date and timestamp < $$last::date + interval 1 day
-- :same_day()
t.exchange = b.exchange and t.symbol = b.symbol and t.kind = b.kind
and t.venue is not distinct from b.venue and t.timestamp::date = b.timestamp::date

-- Of a row, `besides`: what tells it from another one of its content.
-- :suspects(number, time, columns, besides, keyed, more, compared)
create or replace temp table suspects as
select *, $number as n
from (
    select row_number, $time as time, $columns content_hash, $besides as besides,
        ($keyed) as keyed $more
    from $compared
)
-- :number_of_content(first)
row_number() over (partition by content_hash, besides order by $first)

-- :known_copies(time, columns, besides, occurrences, more, copies)
create or replace temp table known_copies as
select $columns $time as time, content_hash, $besides as besides, $occurrences as occurrences $more
from $copies
group by $columns $time, content_hash, besides
-- :copies(known, time, alike)
(
    select * from $known as t
    semi join suspects on $alike
    where $time between (select min(time) from suspects) and (select max(time) from suspects)
)

-- :dropped(same)
create or replace temp table dropped as
select s.row_number
from suspects as s
left join known_copies as known on $same
where case when keyed then n > 1 or known.content_hash is not null
    else n <= known.occurrences end
-- :repeated()
create or replace temp table repeated as
select row_number, n as occurrence from suspects where not keyed and n > 1

-- :places(place, unordered, clock_tick)
create or replace temp table places as
select row_number, $place as place
from $unordered
where $clock_tick in (select key from several_of_clock)
