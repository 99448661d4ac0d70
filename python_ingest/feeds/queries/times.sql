-- Times as they are written.

-- What stands for the offset from UTC behind a time of day, Z perhaps.
-- :offset_pattern()
:[0-9.]+ ?(UTC|[Zz]|[+-](0\d|1[0-5])(:?[0-5]\d){0,2})$

-- Does an ISO time say its offset from UTC, by Z perhaps? NULL of NULL.
-- :has_offset(value)
regexp_matches($value, '$offset_pattern')

-- An ISO time with an offset, Z, UTC or none; a zone's name is no time. It is cut below what the type
-- `made` holds, `timestamp` or `timestamp_ns`. The offset is taken off the text: a cast to TIMESTAMP
-- heeds it on one version of the engine and drops it, or a zone's name, on another. The first case is
-- the spelling of nearly all times, and takes a third of the time of the general way.
-- :utc(value, made)
case when regexp_full_match($value, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?')
    then try_cast($value as $made)
    when not regexp_matches(
        $local_time, '^\d{4,6}-\d\d?-\d\d?([T ]\d\d?:\d\d(:\d\d(\.\d*)?)?)?$'
    ) then case when $value in ('infinity', '-infinity') then $value::$made end
    when $offset in ('', 'Z', 'z', 'UTC') then try_cast($local_time as $made)
    else try_cast($local_time as $made) - to_seconds((
        case when $offset like '-%' then -1 else 1 end * ($offset_digits[1:2]::integer * 3600
        + $offset_digits[3:4]::integer * 60 + $offset_digits[5:6]::integer)
    )) end
-- :offset(value)
regexp_extract($value, '$offset_pattern', 1)
-- :local_time(value)
rtrim(left($value, length($value) - length($offset)))
-- :offset_digits(value)
rpad(regexp_replace($offset, '[^0-9]', '', 'g'), 6, '0')

-- What the text of a time has below the microsecond: 1 to 999, NULL where it has nothing. Digits below
-- the nanosecond are cut. Most times end at the microsecond: only where a digit follows is the text
-- taken apart.
-- :nanoseconds(value)
case when substr($value, strpos($value, '.') + 7, 1) between '0' and '9' then nullif(
    try_cast(rpad(regexp_extract($value, '\.\d{6}(\d{1,3})', 1), 3, '0') as smallint), 0
) end

-- :date(value)
case when regexp_full_match($value, '\d{4,6}-\d\d?-\d\d?|-?infinity')
    then try_cast($value as date) end

-- A Unix time in seconds; the largest of 64 bits would be the engine's infinity.
-- :unix_seconds(text)
case when regexp_full_match($text, '\d{10}(\.\d*)?')
    then make_timestamp_ns(nullif($nanoseconds_of, 9223372036854775807)) end
-- The nanoseconds of one; NULL where 64 bits do not hold them. Digits below the nanosecond are cut: its
-- ten digits, a point and nine more are looked at.
-- :nanoseconds_of(text)
try_cast(try_cast(left($text, 20) as decimal(28, 9)) * 1000000000 as bigint)

-- A local time in UTC; NULL where no clock of the zone showed it. Of a time that it showed twice it is
-- the second, in standard time. `cut` is the time in microseconds.
-- :in_utc(local, zone)
case when timezone($zone, timezone($zone, $local)) = $local
    then timezone($zone, $local)::timestamp end
-- :in_utc_ns(local, zone)
case when timezone($zone, timezone($zone, $cut_to_us)) = $cut_to_us then try(make_timestamp_ns(
    epoch_us(timezone($zone, $cut_to_us)) * 1000 + epoch_ns($local) % 1000
)) end
-- :cut_to_us(local)
make_timestamp(epoch_ns($local) // 1000)

-- A day and what passed since its midnight, as a clock on the wall shows it; `factor` makes
-- microseconds of it.
-- :after_midnight(text, day, factor)
(case when $passed between 0 and 86399999999 and not $is_grouped
    then $day + to_microseconds($passed) end)
-- A cast would round what is below the sixth decimal.
-- :passed(text, factor)
floor(
    try_cast(regexp_replace($text, '(\.[0-9]{6})[0-9]+$', '\1') as decimal(18, 6)) * $factor
)::bigint

-- Is a time in the afternoon what it was after it was written and read, `read`? Of what is read no digit
-- may differ from it.
-- :is_read_again(read)
select $read::timestamp in (
    t, date_trunc('ms', t), date_trunc('second', t), date_trunc('minute', t),
    date_trunc('hour', t), date_trunc('day', t)
)
from (select timestamp '2024-11-23 21:08:07.123456' as t)
