-- Inverse contracts (docs/adr/0180). Nothing that was built before is of one: the build stopped.
alter table if exists reference.instruments add column if not exists settle_currency varchar;

alter table if exists intermediate.int_position_valuations add column if not exists is_inverse boolean default false;
alter table if exists intermediate.int_round_trip_legs add column if not exists is_inverse boolean default false;
alter table if exists intermediate.int_lots add column if not exists is_inverse boolean default false;
