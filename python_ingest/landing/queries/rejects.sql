-- The rejected rows of a file.

-- A segment's rows, those rejected of which `why` gives a reason (`late_reason`). They carry their
-- values (`fields`) as `raw_text`, since no text is kept of a row that was accepted.
-- :rejected_where(rows, why, fields, more)
select * exclude (late_reason) replace (
    coalesce(reason, late_reason) as reason,
    case when late_reason is null then raw_text else to_json(struct_pack($fields))::varchar end
        as raw_text
) $more
from (
    select *, case when reason is null and ignored is null then $why end as late_reason
    from $rows
)

-- :reasons()
select reason, count(*), count(*) filter (where is_known),
    min(coalesce(line_number, row_number)), arg_min(raw_text, row_number)
from (select *, $is_known as is_known from batch where reason is not null)
group by reason order by 2 desc, 4

-- :record(clock)
insert into raw.rejected_rows (
    batch_id, kind, source_file, sha256, row_number, line_number, raw_text, reason, rejected_at
)
select $$batch_id, $$kind, $$file_name, $$sha256, row_number, line_number, raw_text, reason, $clock
from batch
where reason is not null and not $is_known

-- :is_known()
exists (
    select 1 from raw.rejected_rows as before
    where before.sha256 = $$sha256 and before.kind = $$kind
        and before.row_number = batch.row_number and before.reason = batch.reason
)

-- Rows whose instrument has a multiplier, beside it.
-- :with_multiplier(rows, instruments, type)
(
    select given.*, coalesce(listed.multiplier, 1)::$type as multiplier
    from ($rows) as given
    left join (
        select exchange, symbol, max(multiplier) as multiplier
        from $instruments where multiplier > 1 group by all
    ) as listed
    on given.exchange = listed.exchange and given.symbol = listed.symbol
)

-- What `ingest rejected` shows: the rows of a file, or its reasons with the first row of each.
-- :shown_rows(relation, limit)
select source_file, coalesce(line_number, row_number) as line, reason, raw_text
from $relation
where $is_wanted
order by batch_id desc, source_file, row_number
limit $limit + 1
-- :shown_reasons(relation, limit)
select
    source_file, kind, reason, count(*) as rows, max(batch_id) as batch_id,
    min(coalesce(line_number, row_number)) as line, arg_min(raw_text, row_number) as text
from $relation
where $is_wanted
group by source_file, kind, reason
order by batch_id desc, source_file, rows desc, reason
limit $limit + 1
-- :is_wanted()
contains(source_file, $$file) and contains(reason, $$reason)
