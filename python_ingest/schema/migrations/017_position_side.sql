-- Long and short of one symbol at once, in accounts that hold both (docs/adr/0171). All that landed and was
-- built before is of one position.
alter table raw.order_events add column if not exists position_side varchar default 'net';

alter table if exists intermediate.int_order_events add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_fills add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_folds add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_states add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_times add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_prices add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_valuations add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_drawdowns add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_position_costs add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_round_trip_legs add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_round_trips add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_lot_changes add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_lot_states add column if not exists position_side varchar default 'net';
alter table if exists intermediate.int_lots add column if not exists position_side varchar default 'net';
alter table if exists main.lot_closures add column if not exists position_side varchar default 'net';
alter table if exists warm.trades_warm add column if not exists position_side varchar default 'net';
alter table if exists warm.positions_warm add column if not exists position_side varchar default 'net';
alter table if exists snapshots.current_positions_history add column if not exists position_side varchar default 'net';
