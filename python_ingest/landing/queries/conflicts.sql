-- What decides later between ticks of one key whose content differs: who said which.

-- Which ticks of a websocket a batch repeats from REST or a backfill.
-- :record_confirmations(batch_id, same)
insert into raw.tick_confirmations
with repeats as (
    select known.tick_id, min(s.source) as source
    from suspects as s
    join known_copies as known on $same
    where s.id is not null and s.source in $reliable and known.source not in $reliable
    group by known.tick_id
)
select $batch_id, tick_id, source
from repeats
where tick_id not in (
    select tick_id
    from raw.tick_confirmations
    where tick_id between (select min(tick_id) from repeats)
        and (select max(tick_id) from repeats)
)

-- What says whether two ticks of a key are one trade: `core` makes a tick of a kind, two copies of it
-- have the same; all else (`others`) a feed may leave out.
-- :told(others)
struct_pack(
    core := hash(
        last_price, last_size, case when kind = 'quote' then bid_price end,
        case when kind = 'quote' then ask_price end, case when kind = 'quote' then bid_size end,
        case when kind = 'quote' then ask_size end
    ),
    others := [$others], clock := timestamp, below := coalesce(nanoseconds, 0)
)

-- Do both tell the same trade? One may cut its time, and each may leave something out: there the
-- comparison is NULL, which the list leaves out.
-- :is_one_trade()
told.core = rival_told.core
and len(list_filter(list_zip(told.others, rival_told.others), lambda x: x[1] <> x[2])) = 0
and (
    told.below = 0 and told.clock in (
        date_trunc('second', rival_told.clock), date_trunc('millisecond', rival_told.clock),
        rival_told.clock
    ) or rival_told.below = 0 and rival_told.clock in (
        date_trunc('second', told.clock), date_trunc('millisecond', told.clock), told.clock
    )
)

-- The less, the better its word.
-- :rank()
{'late': source not in $reliable, 'content_hash': content_hash}

-- The new ticks of a key, which several may have.
-- :new_conflicts(batch_id, others, hashed_left)
create or replace temp table new_conflicts as
select $batch_id * 4294967296 + row_number as tick_id, exchange, symbol, kind, venue,
    timestamp::date as day, key_id, key_number, $rank as preference, $told as told
from $hashed_left
-- :left_of_batch(keyless)
(
    select * from suspect_batch
    where row_number not in (select row_number from dropped) and not ($keyless)
)

-- :same_key(one, other)
$one.exchange = $other.exchange and $one.symbol = $other.symbol and $one.kind = $other.kind
and $one.venue is not distinct from $other.venue and $one.day = $other.day
and $one.key_id is not distinct from $other.key_id
and $one.key_number is not distinct from $other.key_number

-- Pairs of ticks with one key and different content, new ones against the best known: each new tick
-- with the best of all of its key, and that one, if it is new, with the best before. What was a key
-- says what its feed said when it landed; before that was kept every number was one.
-- :record_conflicts(batch_id, known, others, hashed_rivals)
insert into raw.tick_conflicts by name
with
new as (
    select * from new_conflicts
),
rivals as (
    from (
        select *, timestamp::date as day, $known_key_id as key_id,
            case when $known_key_id is null and batch_id not in (
                select batch_id from raw.landings where not sequence_identifies
            ) then sequence_number end as key_number
        from $known
        where timestamp >= $$first and timestamp < $$last::date + interval 1 day
            and batch_id < $batch_id
    ) as t
    semi join new on $same_key(t, new)
),
old as (
    select exchange, symbol, kind, venue, day, key_id, key_number,
        arg_min(tick_id, $rank) as tick_id, min($rank) as preference, arg_min($told, $rank) as told
    from $hashed_rivals
    group by all
),
best as (
    select exchange, symbol, kind, venue, day, key_id, key_number,
        arg_min(tick_id, preference) as tick_id, arg_min(told, preference) as told
    from (select * from new union all by name select * from old)
    group by all
),
pairs as (
    select new.tick_id, new.told,
        case when new.tick_id = best.tick_id then old.tick_id else best.tick_id end as rival,
        case when new.tick_id = best.tick_id then old.told else best.told end as rival_told
    from new
    join best on $same_key(new, best)
    left join old on $same_key(new, old)
)
select $batch_id as batch_id, tick_id, rival as rival_tick_id, $is_one_trade as is_one_trade
from pairs
where rival is not null
-- :known_key_id()
case when batch_id not in (
    select batch_id from raw.landings where not trade_id_identifies
) then trade_id end
