-- What a build knows of the builds before it (docs/adr/0034). dbt moves these rows, nobody else.

create schema if not exists state;

-- The run of dbt that goes on, or went on last. batch_id: the newest batch when it began.
create table state.run (
    run_number bigint not null,
    batch_id bigint not null,
    started_at timestamp not null
);
insert into state.run values (0, 0, now()::timestamp);

-- Every batch up to batch_id is in every model of the chain, as of run_number. A chain without a row
-- was never built whole. valued_until: positions were marked up to then.
create table state.chains (
    chain varchar primary key,
    batch_id bigint not null,
    run_number bigint not null,
    valued_until timestamp
);

-- Rows that ceased to exist in a relation which another chain follows.
create table state.vanished_rows (
    relation varchar not null,
    exchange varchar not null,
    symbol varchar not null,
    vanished_at timestamp not null,
    run_number bigint not null
);

-- Reference data as it was when a chain was last complete.
create table state.reference_as_built (
    chain varchar not null,
    kind varchar not null,
    exchange varchar not null,
    symbol varchar not null,
    content varchar not null
);

-- Two relations that are never rebuilt: former versions of complete bars, and the times at which
-- somebody asked for a portfolio snapshot (after_run: the newest run then).
create table if not exists warm.ohlcv_bar_revisions (
    bar_id bigint not null,
    exchange varchar not null,
    symbol varchar not null,
    timeframe varchar not null,
    timestamp timestamp not null,
    open decimal(18, 8) not null,
    high decimal(18, 8) not null,
    low decimal(18, 8) not null,
    close decimal(18, 8) not null,
    volume decimal(38, 8) not null,
    vwap decimal(18, 8),
    trade_count integer not null,
    trading_date date,
    valid_from timestamp not null,
    valid_to timestamp not null
);
create table if not exists warm.manual_snapshots (
    snapshot_time timestamp primary key
);
alter table warm.manual_snapshots add column if not exists after_run bigint default 0;
alter table warm.manual_snapshots drop column if exists batch_id;

-- Where each relation was read from, DuckDB or an extract of TimescaleDB's.
create table if not exists warm.read_positions (
    relation varchar primary key,
    position varchar not null
);
