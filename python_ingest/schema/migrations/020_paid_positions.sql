-- A position has a row whenever cash is paid to it, also after it was closed (docs/adr/0171). Where cash of
-- instruments landed, the next build values all positions once more: as after a changed setting.
alter table if exists intermediate.int_position_times add column if not exists closed_at timestamp;
alter table if exists intermediate.int_position_valuations add column if not exists closed_at timestamp;
delete from state.reference_as_built
where chain = 'trading' and kind = 'settings' and exists (from raw.cash_events where symbol is not null);
