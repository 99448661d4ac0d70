-- What was landed, as it was landed. Only python_ingest writes here.
-- Uniqueness is guaranteed at landing and tested by dbt, not by an index (docs/adr/0012).
-- Every table: batch_id (raw.landings), row_number (1-based position in the file), source,
-- ingestion_time (UTC) and content_hash (63 bits of the md5 of the row's canonical columns).

create schema if not exists raw;

create table raw.landings (
    batch_id bigint primary key,
    kind varchar not null,
    file_name varchar not null,
    sha256 varchar not null,
    format varchar not null,
    rows_read bigint not null,
    rows_landed bigint not null,
    rows_duplicate bigint not null,
    rows_rejected bigint not null,
    min_timestamp timestamp,
    max_timestamp timestamp,
    landed_at timestamp not null,
    duration_ms bigint not null,
    check (rows_read = rows_landed + rows_duplicate + rows_rejected)
);

create table raw.rejected_rows (
    batch_id bigint not null,
    kind varchar not null,
    source_file varchar not null,
    sha256 varchar not null,
    row_number bigint not null,
    raw_text varchar,
    reason varchar not null,
    rejected_at timestamp not null
);

-- tick_id = batch_id * 2^32 + row_number. occurrence counts identical rows of one file that carry
-- neither trade_id nor sequence_number; 1 for all others.
create table raw.market_ticks (
    tick_id bigint not null,
    batch_id bigint not null,
    exchange varchar not null,
    symbol varchar not null,
    timestamp timestamp not null,
    kind varchar not null,
    venue varchar,
    bid_price decimal(18, 8),
    ask_price decimal(18, 8),
    bid_size decimal(18, 8),
    ask_size decimal(18, 8),
    last_price decimal(18, 8),
    last_size decimal(18, 8),
    volume decimal(18, 8),
    sequence_number bigint,
    trade_id varchar,
    conditions varchar[],
    tape varchar,
    source varchar not null,
    ingestion_time timestamp not null,
    correlation_id uuid,
    occurrence integer not null,
    content_hash bigint not null
);

-- Ticks that share their key but not their content (both are kept): tick_id landed in batch_id,
-- rival_tick_id before it. Staging chooses one of them without a look at all ticks.
create table raw.tick_conflicts (
    batch_id bigint not null,
    tick_id bigint not null,
    rival_tick_id bigint not null
);

create table raw.tick_corrections (
    batch_id bigint not null,
    row_number bigint not null,
    exchange varchar not null,
    symbol varchar not null,
    trade_id varchar not null,
    action varchar not null,
    timestamp timestamp not null,
    venue varchar,
    corrected_trade_id varchar,
    corrected_price decimal(18, 8),
    corrected_size decimal(18, 8),
    corrected_conditions varchar[],
    source varchar not null,
    ingestion_time timestamp not null,
    content_hash bigint not null
);

create table raw.order_events (
    batch_id bigint not null,
    row_number bigint not null,
    event_id varchar not null,
    event_type varchar not null,
    event_time timestamp not null,
    order_id varchar not null,
    client_order_id varchar not null,
    exchange varchar not null,
    symbol varchar not null,
    side varchar not null,
    order_type varchar not null,
    quantity decimal(18, 8) not null,
    strategy_id varchar,
    time_in_force varchar,
    price decimal(18, 8),
    stop_price decimal(18, 8),
    trade_id varchar,
    exchange_trade_id varchar,
    fill_quantity decimal(18, 8),
    fill_price decimal(18, 8),
    commission decimal(18, 8),
    commission_currency varchar,
    fees decimal(18, 8),
    status_message varchar,
    correlation_id uuid,
    parent_order_id varchar,
    extended_hours boolean,
    metadata json,
    sequence_number bigint,
    source varchar not null,
    ingestion_time timestamp not null,
    content_hash bigint not null
);

create table raw.cash_events (
    batch_id bigint not null,
    row_number bigint not null,
    event_id varchar not null,
    event_time timestamp not null,
    kind varchar not null,
    amount decimal(18, 8) not null,
    currency varchar not null,
    source varchar not null,
    ingestion_time timestamp not null,
    content_hash bigint not null
);

create table raw.corporate_actions (
    batch_id bigint not null,
    row_number bigint not null,
    exchange varchar not null,
    symbol varchar not null,
    ex_date date not null,
    kind varchar not null,
    ratio decimal(18, 8) not null,
    source varchar not null,
    ingestion_time timestamp not null,
    content_hash bigint not null
);

create table raw.system_metrics (
    metric_id bigint not null,
    batch_id bigint not null,
    timestamp timestamp not null,
    metric_name varchar not null,
    metric_type varchar not null,
    value double not null,
    labels struct(service varchar, component varchar, environment varchar, instance varchar),
    quantiles struct(p50 double, p95 double, p99 double, p999 double),
    correlation_id uuid,
    ingestion_time timestamp not null,
    content_hash bigint not null
);

create table raw.application_logs (
    log_id bigint not null,
    batch_id bigint not null,
    timestamp timestamp not null,
    level varchar not null,
    service varchar not null,
    component varchar,
    message varchar not null,
    event varchar,
    context struct(
        correlation_id uuid, order_id uuid, symbol varchar, user_id varchar, session_id varchar
    ),
    data json,
    exception struct(type varchar, message varchar, stack_trace varchar),
    source struct(file varchar, line integer, function varchar),
    ingestion_time timestamp not null,
    occurrence integer not null,
    content_hash bigint not null
);
