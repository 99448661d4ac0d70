-- Positions say what they have cost and what cash they earned (docs/adr/0171). Rows that were built before
-- say NULL.
alter table if exists warm.positions_warm add column if not exists commission decimal(38, 8);
alter table if exists warm.positions_warm add column if not exists fees decimal(38, 8);
alter table if exists warm.positions_warm add column if not exists carry decimal(38, 8);
alter table if exists warm.positions_warm add column if not exists net_pnl decimal(38, 8);
alter table if exists warm.portfolio_snapshots_warm add column if not exists carry decimal(38, 2);

-- Round trips say it too: they are a view over what their fills came to, which the next run builds whole.
drop table if exists main.round_trips;
