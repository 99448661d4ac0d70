-- What left DuckDB for Parquet. A file is written and proven first; its row here, the delete of what
-- it holds from the database and the view over it are one transaction (docs/retention.md).

create schema if not exists cold;
create schema if not exists warm;

-- One row per file. date and folder name its partition: `folder` is empty where a day is one file.
-- path is below DATA_DIR and never changes; object_url says where the archive keeps a copy.
-- rows, checksum (order-free, comparable within one version of the engine, which it names) and
-- sha256 are the proof. min/max_batch_id: the batches its rows came with, or were built from.
-- state: local (readable), restored (readable again, after it had been archived), archived (only
-- in the object store, in no view), replaced (a newer file of the partition holds its rows).
-- removed_at: when the local file was deleted; never before every publication forgot it.
create table raw.cold_files (
    file_id bigint primary key,
    relation varchar not null,
    date date not null,
    folder varchar not null,
    path varchar not null,
    rows bigint not null,
    checksum varchar not null,
    sha256 varchar not null,
    bytes bigint not null,
    min_timestamp timestamp not null,
    max_timestamp timestamp not null,
    min_batch_id bigint,
    max_batch_id bigint,
    exported_at timestamp not null,
    state varchar not null check (state in ('local', 'restored', 'archived', 'replaced')),
    replaced_at timestamp,
    object_url varchar,
    storage_class varchar,
    archived_at timestamp,
    restored_at timestamp,
    removed_at timestamp
);

-- Rows that a policy let go without a file: logs below 'error', metrics after their roll-up.
create table raw.removed_rows (
    relation varchar not null,
    date date not null,
    batch_id bigint not null,
    rows bigint not null,
    removed_at timestamp not null
);

-- Cold rows that do not count any more; the next export writes their partition without them.
create table warm.tombstones (
    relation varchar not null,
    id varchar not null
);
