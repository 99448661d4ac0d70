"""Where the migration stands: phase, coverage, what does not match, and what to do next."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from python_ingest.migration import manifest, state
from python_ingest.migration.backfill import LANDABLE
from python_ingest.migration.dual_write import pending
from python_ingest.migration.manifest import Manifest
from python_ingest.migration.server import DSN_VARIABLE
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

_READS = "USE_DUCKDB_FOR_READS"
_ACCEPTED = ("match", "retired_in_timescale")
_DETAILS = ("TICKS", "ORDERS", "METRICS", "LOGS")


@dataclass(frozen=True)
class TableStatus:
    """One extracted relation: rows, what it covers, and how its closed buckets compare.

    `is_compared`: the last build read this extraction; else there are no verdicts on it.
    """

    relation: str
    rows: int
    rejected: int
    covered: str
    extracted_at: str
    migrated_at: str
    is_compared: bool = True
    closed: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        """Closed buckets that do not match, and that no policy of the server explains."""
        return self.closed - sum(self.verdicts.get(name, 0) for name in _ACCEPTED)


@dataclass(frozen=True)
class Status:
    """The whole: `phase` 0 to 4 as in docs/migration.md; `next` is what to type."""

    phase: int
    phase_name: str
    reads: str
    dual_write: str
    lag_batches: int
    lag_rows: int
    tables: list[TableStatus]
    next: str


def status(settings: Settings, env: Mapping[str, str] | None = None) -> Status:
    """Read extracts, state and the last build's verdicts; does not connect to TimescaleDB."""
    env = os.environ if env is None else env
    known = state.load(settings)
    verdicts = _verdicts(settings)
    tables = [
        TableStatus(
            relation=one.relation,
            rows=one.rows,
            rejected=one.rejected,
            covered=", ".join(str(span) for span in one.covered),
            extracted_at=str(one.finished_at)[:19],
            migrated_at=known.migrated.get(one.relation, {}).get("at", ""),
            is_compared=_is_read(one, verdicts),
            closed=sum(verdicts.get((one.relation, one.run), {}).values()),
            verdicts=verdicts.get((one.relation, one.run), {}),
        )
        for one in manifest.all_finished(settings)
        if one.relation != "order_events"
    ]
    left = pending(settings)
    reads = _reads(env)
    phase, name = _phase(settings, known, reads)
    return Status(
        phase=phase,
        phase_name=name,
        reads=reads,
        dual_write=_dual_write(settings, known),
        lag_batches=len(left),
        lag_rows=sum(batch.rows for batch in left),
        tables=tables,
        next=_next(settings, known, tables, phase, lag=len(left), env=env),
    )


Verdicts = dict[tuple[str, str], dict[str, int]]


def _is_read(one: Manifest, verdicts: Verdicts) -> bool:
    """Whether the last build compared this extraction, or there is nothing to compare."""
    return one.table is None or not one.covered or (one.relation, one.run) in verdicts


def _verdicts(settings: Settings) -> Verdicts:
    """Return closed buckets by relation, run and verdict, as the last build found them.

    A run without a bucket has none: neither side has rows. Empty where an earlier version built
    them: it did not note which run it compared.
    """
    if not settings.database_path.exists():
        return {}
    found: Verdicts = {}
    with open_writer(settings) as connection:
        try:
            rows = connection.execute(
                "select relation, run, verdict, count(*) filter (where is_closed)"
                " from migration.consistency_buckets group by all order by all"
            ).fetchall()
            read = connection.execute(
                "select distinct relation, run from migration.stg_timescale_coverage"
            ).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            return {}
    for relation, run, verdict, number in rows:
        found.setdefault((relation, run), {})[verdict] = number
    seen = {relation for relation, _ in found}
    found.update({(relation, run): {} for relation, run in read if relation not in seen})
    return found


def _reads(env: Mapping[str, str]) -> str:
    general = env.get(_READS, "true").lower()
    own = {name: env[f"{_READS}_{name}"].lower() for name in _DETAILS if f"{_READS}_{name}" in env}
    answers = {own.get(name, general) for name in _DETAILS}
    if answers == {"true"}:
        return "duckdb"
    return "timescale" if answers == {"false"} else "both"


def _is_compared(env: Mapping[str, str]) -> bool:
    """Whether dbt builds the migration models: dbt_project.yml has the same condition."""
    return bool(env.get(DSN_VARIABLE, "").strip()) or "false" in {
        env.get(name, "").lower() for name in (_READS, *(f"{_READS}_{d}" for d in _DETAILS))
    }


def _phase(settings: Settings, known: state.State, reads: str) -> tuple[int, str]:
    if not known.migrated and known.dual_write_from is None:
        return 0, "before the migration"
    if reads == "timescale":
        return 1, "dual write, reads from TimescaleDB"
    if settings.timescale.dual_write:
        return 2, "gradual reads" if reads == "both" else "reads from DuckDB, still dual-written"
    return 3, "DuckDB alone, TimescaleDB on standby"


def _dual_write(settings: Settings, known: state.State) -> str:
    if settings.timescale.dual_write:
        return f"on since {known.dual_write_since}" if known.dual_write_since else "on, nothing yet"
    return f"off (was on since {known.dual_write_since})" if known.dual_write_since else "off"


def _next(  # noqa: PLR0911, PLR0913 - one return a situation
    settings: Settings,
    known: state.State,
    tables: list[TableStatus],
    phase: int,
    *,
    lag: int,
    env: Mapping[str, str],
) -> str:
    missing = [name for name in LANDABLE if name not in known.migrated]
    if not env.get(DSN_VARIABLE) and missing:
        return f"export {DSN_VARIABLE}, then: ingest migrate"
    if missing:
        return "ingest migrate --table " + " --table ".join(missing)
    if any(table.rejected for table in tables):
        return (
            "mend in TimescaleDB what was rejected (raw.rejected_rows says why),"
            " then: ingest migrate"
        )
    if not any(table.closed for table in tables) or not all(t.is_compared for t in tables):
        build = "dbt build, to compare the extracts with what is here"
        return build if _is_compared(env) else f"export {DSN_VARIABLE}, then: {build}"
    wrong = [table for table in tables if table.wrong]
    if wrong:
        return (
            f"look at migration.consistency_differences for {', '.join(t.relation for t in wrong)};"
            " mend, then: ingest migrate && dbt build"
        )
    if lag:
        return "ingest land --pending, which writes to TimescaleDB what it lacks"
    return {
        1: "everything matches: set USE_DUCKDB_FOR_READS_<RELATION>=true, then dbt build",
        2: "everything matches: set [timescale] dual_write = false when you trust it",
        3: "everything matches: ingest extract timescale every table, keep the files, then shut"
        " TimescaleDB down (docs/migration.md, phase 4)",
    }.get(phase, "set [timescale] dual_write = true")
