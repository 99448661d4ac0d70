-- What a broker says an account holds (docs/adr/0171). A row is a symbol's or a currency's; exchange is
-- null where the broker sums over exchanges. Equal rows of one file all count.
create table if not exists raw.statements (
    batch_id bigint not null,
    row_number bigint not null,
    account_id varchar not null,
    as_of timestamp not null,
    exchange varchar,
    symbol varchar,
    currency varchar,
    quantity decimal(28, 10) not null,
    cost decimal(28, 10),
    market_value decimal(28, 10),
    occurrence integer not null,
    ingestion_time timestamp not null,
    content_hash bigint not null
);
