-- Migration 006, after take_over has renamed what was built (built_tables.py).
alter table intermediate.int_position_states rename column held_quantity to position_delta;
alter table intermediate.int_position_states alter column position_delta type decimal(19, 8);
alter table intermediate.int_position_states drop column cost;
alter table intermediate.int_position_states rename column own_realized_pnl to realized_pnl_delta;
alter table intermediate.int_position_valuations drop column raw_cost_basis;
alter table intermediate.int_position_valuations drop column raw_realized_pnl;
alter table intermediate.int_position_valuations drop column known_price;
alter table intermediate.int_position_valuations drop column price_known_at;
update intermediate.int_position_valuations set market_value = 0 where quantity = 0;
alter table intermediate.int_position_valuations add column unrealized_pnl decimal(38, 24);
update intermediate.int_position_valuations set unrealized_pnl = market_value - cost_basis;
alter table warm.ohlcv_bars_warm drop column is_complete;
create table intermediate.int_exchange_high_water_marks as
select exchange, newest_at - interval 30 seconds as complete_until from intermediate.int_frontiers;
insert into state.reference_as_built
select 'trading', kind, exchange, symbol, content from intermediate.int_trading_inputs
where content is not null;
drop table intermediate.int_frontiers;
drop table intermediate.int_mixed_days;
drop table intermediate.int_trading_inputs;
drop table intermediate.int_touched_orders;
drop table intermediate.int_position_restarts;
drop table intermediate.int_valuation_restarts;
drop table intermediate.int_trip_legs;
