-- Ticks as they are published (stored.py).

-- Rows for live models, in trade order. `is_amended` marks ticks that a correction changed; the
-- table of amended ticks holds their landed form.
-- :live_ticks(columns)
select $columns
from (
    select *, tick_id in (select tick_id from intermediate.int_tick_amendments) as is_amended
    from intermediate.int_market_ticks
)
-- :amended_ticks()
select * from raw.market_ticks semi join intermediate.int_tick_amendments using (tick_id)
-- :landed_ticks(columns, warm, amended)
select $columns from $warm where not is_amended
union all
select $columns from $amended
