-- What the audit judged: batch_id is the newest landed batch it has seen. The next audit begins
-- after the newest row that passed. Failed ones stay as history.
create table raw.audits (
    batch_id bigint not null,
    audited_at timestamp not null,
    passed boolean not null,
    summary varchar not null
);
