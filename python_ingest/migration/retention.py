"""What the server's retention policy explains."""

from __future__ import annotations

from python_ingest.migration.manifest import Retention
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation, has_timescaledb
from python_ingest.migration.session import Session, instant
from python_ingest.storage.sql import literal, quoted


def read_retention(server: Session, relation: Relation, now: list[Range]) -> Retention | None:
    """Return the policy of a hypertable or continuous aggregate, None where it has none.

    A policy drops every chunk that ended `drop_after` ago; chunks begin at multiples of their
    length since 1970. So it does not explain that a chunk is gone where an older one is there.
    `now`: what the server has.
    """
    if not has_timescaledb(server):
        return None
    found = server.rows(
        "select job_id, config ->> 'drop_after', to_timestamp(floor("
        " extract(epoch from now() - (config ->> 'drop_after')::interval) * 1e6 / interval_length"
        " ) * interval_length / 1e6)::text"
        " from timescaledb_information.jobs join _timescaledb_catalog.dimension as chunks"
        " on chunks.hypertable_id = (config ->> 'hypertable_id')::integer"
        " where proc_name = 'policy_retention' and config ->> 'drop_after' is not null"
        " and interval_length is not null"
        " and to_regclass(format('%I.%I', hypertable_schema, hypertable_name))"
        f" = to_regclass({literal(relation.sql_name)})"
    )
    if not found:
        return None
    job, drop_after, horizon = found[0]
    oldest = [r.start for r in now]
    if not relation.is_hypertable:  # an aggregate, whose ranges are whole months or years
        rows = server.rows(f"select min({quoted(relation.time)})::text from {relation.sql_name}")
        oldest = [instant(text, relation.name) for (text,) in rows if text]
    return Retention(
        f"job {job}, drop_after {drop_after}", min([instant(horizon, relation.name), *oldest])
    )
