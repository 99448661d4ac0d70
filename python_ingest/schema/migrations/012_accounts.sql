-- Whose order flow and cash it is. All that landed before is of the account `main`, and so is what was
-- built of it. Cash may belong to an instrument and to what a strategy held of it, just before
-- accrual_time where that is not the event's own (docs/adr/0171).
alter table raw.order_events add column if not exists account_id varchar default 'main';
alter table raw.cash_events add column if not exists account_id varchar default 'main';
alter table raw.cash_events add column if not exists exchange varchar;
alter table raw.cash_events add column if not exists symbol varchar;
alter table raw.cash_events add column if not exists strategy_id varchar;
alter table raw.cash_events add column if not exists accrual_time timestamp;

alter table if exists intermediate.int_order_events add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_order_terms add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_fills add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_order_fills add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_position_folds add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_position_states add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_position_times add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_position_prices add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_position_valuations add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_position_drawdowns add column if not exists account_id varchar default 'main';
alter table if exists intermediate.int_round_trip_legs add column if not exists account_id varchar default 'main';
alter table if exists warm.orders_warm add column if not exists account_id varchar default 'main';
alter table if exists warm.trades_warm add column if not exists account_id varchar default 'main';
alter table if exists warm.positions_warm add column if not exists account_id varchar default 'main';
alter table if exists snapshots.current_positions_history add column if not exists account_id varchar default 'main';
alter table if exists snapshots.orders_history add column if not exists account_id varchar default 'main';
alter table if exists warm.portfolio_snapshots_warm add column if not exists account_id varchar default 'all';

-- What the portfolio is made of is kept for each account: the next run builds it whole.
drop table if exists intermediate.int_currency_positions;
drop table if exists intermediate.int_currency_balances;
drop table if exists intermediate.int_portfolio_values;
