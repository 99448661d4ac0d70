-- Ticks that landed as of `binance` before its markets had names.

-- :batches_of(exchange)
select batch_id, file_name, array_agg(distinct symbol order by symbol), count(*),
    any_value(rows_landed) - count(*), min(timestamp)::date
from raw.market_ticks inner join raw.landings using (batch_id)
where exchange = $exchange
group by batch_id, file_name order by batch_id

-- :ticks_under(exchange, number, market)
(
    select * replace ($market as exchange) from raw.market_ticks
    where exchange = $exchange and batch_id = $number
)

-- Ticks that count on from others which are to stay.
-- :further(exchange)
(
    from raw.market_ticks
    where exchange = $exchange and list_contains($$numbers, batch_id) and occurrence > 1
)
-- :staying(exchange)
(
    from (
        from raw.market_ticks
        where exchange = $exchange and not list_contains($$numbers, batch_id)
    ) semi join further using (symbol, timestamp)
)
-- :first_copies(hashed_further, hashed_staying)
with further as (from $hashed_further)
select further.batch_id, list_sort(list_distinct(list(first.batch_id)))
from further
join $hashed_staying as first using (symbol, timestamp, content_hash)
where further.occurrence > first.occurrence
group by all order by all limit 1

-- :copy_under(columns, ticks, path)
copy (
    select $columns, occurrence, null::varchar as reason, null::varchar as ignored,
        null::varchar as raw_text
    from $ticks
    order by timestamp, nanoseconds, place, tick_id
) to $path (format parquet)

-- Each tick under its former name, and where it lies now.
-- :there(market)
(from (from raw.market_ticks where exchange = $market) semi join former using (symbol, timestamp))
-- :renamed(hashed_former, hashed_there)
create or replace temp table renamed as
with former as (from $hashed_former)
select former.tick_id, there.tick_id as new_tick_id
from former
left join $hashed_there as there using (symbol, timestamp, occurrence, content_hash)

-- :confirm_renamed()
insert into raw.tick_confirmations by name
select said.batch_id, renamed.new_tick_id as tick_id, said.source
from raw.tick_confirmations as said
join renamed using (tick_id)
anti join raw.tick_confirmations as known on known.tick_id = renamed.new_tick_id
