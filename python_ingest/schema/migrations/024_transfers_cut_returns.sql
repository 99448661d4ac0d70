-- Returns are cut where something comes or goes in kind, as at a deposit (docs/adr/0165). Where transfers
-- landed, the next build values all positions once more: as after a changed setting.
delete from state.reference_as_built
where chain = 'trading' and kind = 'settings'
and exists (from raw.order_events where event_type in ('transfer_in', 'transfer_out'));
