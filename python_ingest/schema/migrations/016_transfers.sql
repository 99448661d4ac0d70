-- Lots that come in and go out in kind are events of their own (docs/adr/0180): what they cost, since when
-- they are held, and what links the two legs. Nothing that was built before is one.
alter table raw.order_events add column if not exists transfer_cost decimal(28, 10);
alter table raw.order_events add column if not exists original_time timestamp;
alter table raw.order_events add column if not exists transfer_id varchar;

alter table if exists intermediate.int_order_events add column if not exists transfer varchar;
alter table if exists intermediate.int_order_events add column if not exists transfer_cost decimal(28, 10);
alter table if exists intermediate.int_order_events add column if not exists original_time timestamp;
alter table if exists intermediate.int_order_events add column if not exists transfer_id varchar;
alter table if exists intermediate.int_fills add column if not exists transfer varchar;
alter table if exists intermediate.int_fills add column if not exists transfer_cost decimal(28, 10);
alter table if exists intermediate.int_fills add column if not exists original_time timestamp;
alter table if exists intermediate.int_position_states add column if not exists transfer varchar;
alter table if exists intermediate.int_position_states add column if not exists transfer_cost decimal(38, 20);
alter table if exists intermediate.int_position_states add column if not exists original_time timestamp;
alter table if exists intermediate.int_round_trip_legs add column if not exists is_transfer boolean default false;
alter table if exists intermediate.int_currency_balances add column if not exists brought_in decimal(38, 16) default 0;
