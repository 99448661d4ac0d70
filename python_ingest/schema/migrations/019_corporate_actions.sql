-- Corporate actions besides splits (docs/adr/0180). What landed before is a split; nothing that was built
-- before came of another action.
alter table raw.corporate_actions alter column ratio drop not null;
alter table raw.corporate_actions add column if not exists new_symbol varchar;
alter table raw.corporate_actions add column if not exists cash_amount decimal(28, 10);
alter table raw.corporate_actions add column if not exists currency varchar;
alter table raw.corporate_actions add column if not exists cost_share decimal(18, 8);

alter table if exists intermediate.int_position_folds add column if not exists ratio decimal(18, 8);
alter table if exists intermediate.int_position_states add column if not exists ratio decimal(18, 8);
alter table if exists intermediate.int_position_folds add column if not exists cost_share decimal(18, 8);
alter table if exists intermediate.int_position_folds add column if not exists action varchar;
alter table if exists intermediate.int_position_folds add column if not exists action_symbol varchar;
alter table if exists intermediate.int_position_folds add column if not exists action_order varchar;
alter table if exists intermediate.int_position_folds add column if not exists inherited_at timestamp;
alter table if exists intermediate.int_position_folds add column if not exists inherited_from varchar;
alter table if exists intermediate.int_position_states add column if not exists cost_share decimal(18, 8);
alter table if exists intermediate.int_position_states add column if not exists action varchar;
alter table if exists intermediate.int_position_states add column if not exists action_symbol varchar;
alter table if exists intermediate.int_position_states add column if not exists action_order varchar;
alter table if exists intermediate.int_lot_changes add column if not exists action varchar;
alter table if exists intermediate.int_lot_changes add column if not exists opening_symbol varchar;
alter table if exists intermediate.int_lot_changes add column if not exists opening_number bigint;
alter table if exists intermediate.int_lot_changes add column if not exists opening_spin_off varchar;
alter table if exists intermediate.int_lot_states add column if not exists opening_symbol varchar;
alter table if exists intermediate.int_lot_states add column if not exists opening_number bigint;
alter table if exists intermediate.int_lot_states add column if not exists opening_spin_off varchar;
alter table if exists intermediate.int_lot_states add column if not exists is_moved boolean default false;
alter table if exists intermediate.int_lots add column if not exists is_moved boolean default false;
