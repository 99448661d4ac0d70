"""Dual write: landed rows are written to TimescaleDB too, later if it is down.

Landing does not wait for it: batches are read from schema `raw` after they have landed. A table in
TimescaleDB lists its batches; it is written in the transaction of their rows, so each batch is
written once, whatever is killed. Orders and trades follow as states after each build.
"""

from contextlib import suppress
from dataclasses import dataclass

import duckdb
import psycopg

from python_ingest.errors import IngestError
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import spool
from python_ingest.migration import state
from python_ingest.migration.postgres_rows import (
    Put,
    as_postgres,
    common_columns,
    put_apart,
    take_in,
)
from python_ingest.migration.server import SERVER, connected
from python_ingest.migration.tables import FORMAT, TABLES
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import readable_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import with_files
from python_ingest.storage.failures import first_line
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.sql import literal, sql_path, value_of
from python_ingest.storage.writer import open_writer

LEDGER = "ingest_dual_write"
_LANDED = "sha256 || ' ' || landed_at"
_TABLES = {str(TABLES[name].kind): TABLES[name] for name in (
    "market_ticks", "system_metrics", "application_logs")}  # fmt: skip
_LEDGER_SQL = f"""
create table if not exists {LEDGER} (
    batch_id bigint not null, sha256 text not null, table_name text not null,
    row_count bigint not null, written_at timestamptz not null default now(),
    primary key (batch_id, sha256)
)
"""


@dataclass(frozen=True)
class Batch:
    """A landed batch to write to TimescaleDB."""

    batch_id: int
    kind: str
    sha256: str
    rows: int
    landed: str  # what tells it from the same batch of another database


@dataclass(frozen=True)
class Drift:
    """Batches and rows that TimescaleDB lacks, and the error that caused it.

    `lost`: rows of written batches that had left DuckDB before. `refused`: rows
    that the server did not take and never gets, `refusal`: why, of the first (docs/adr/0072).
    `note`: that the database is another one than before, and what follows.
    """

    written: int = 0
    batches: int = 0
    rows: int = 0
    error: str | None = None
    lost: int = 0
    refused: int = 0
    refusal: str | None = None
    note: str | None = None


def begin(settings: Settings) -> None:
    """Store the batch after which dual write begins; call it before anything lands."""
    if not settings.timescale.dual_write:
        return
    with state.changed(settings) as known:
        if known.dual_write_from is not None:
            return
        newest = 0
        if settings.database_path.exists():
            with open_writer(settings) as connection:
                newest = _newest_batch(connection)
        known.dual_write_from = known.replayed_to = known.orders_replayed_to = newest
        known.dual_write_since = state.now()


def replay(settings: Settings) -> Drift:
    """Write the batches that TimescaleDB lacks; never raises: the result says what is left."""
    try:
        with process_lock(settings.data_dir / "migration" / "dual_write.lock", "dual write"):
            return _replay(settings)
    except (IngestError, duckdb.Error, psycopg.Error, OSError) as error:
        left: list[Batch] = []
        with suppress(IngestError, duckdb.Error, OSError):
            left = pending(settings)
        return Drift(0, len(left), sum(b.rows for b in left), first_line(error))


def pending(settings: Settings) -> list[Batch]:
    """Return the landed batches that TimescaleDB is not known to have, oldest first."""
    known = state.load(settings)
    if known.dual_write_from is None or not settings.database_path.exists():
        return []
    with open_writer(settings) as connection:
        kinds = ", ".join(literal(kind) for kind in _TABLES)
        rows = connection.execute(
            f"select batch_id, kind, sha256, rows_landed, {_LANDED} from raw.landings"
            " where batch_id > ?"
            f" and format <> {literal(FORMAT)} and rows_landed > 0 and kind in ({kinds})"
            " order by batch_id",
            [known.replayed_to],
        ).fetchall()
    return [Batch(*row) for row in rows]


def follow_database(settings: Settings) -> str | None:
    """Begin anew where the database is not the one that batches were written from; return why.

    One that was begun anew is written from its first batch on. Of an older copy all since dual
    write began is looked at again: the ledger of the server knows what it has.
    """
    known = state.load(settings)
    if known.dual_write_from is None or not settings.database_path.exists():
        return None
    with open_writer(settings) as connection:
        newest = _newest_batch(connection)
        found = dict(connection.execute(
            f"select batch_id, {_LANDED} from raw.landings where batch_id = ?"
            " or batch_id = (select min(batch_id) from raw.landings)", [known.replayed_to]
        ).fetchall()) if newest else {}  # fmt: skip
    first, last = found.get(min(found, default=0)), found.get(known.replayed_to)
    note = None
    with state.changed(settings) as known:
        if first and known.began not in (None, first):
            note = "is another one than dual write wrote from: TimescaleDB gets all that landed"
            known.dual_write_from = known.replayed_to = known.orders_replayed_to = 0
            known.migrated = {}
        elif newest < known.replayed_to or known.replayed not in (None, last):
            note = "is an older copy: TimescaleDB gets what it lacks of it"
            known.dual_write_from = min(known.dual_write_from or 0, newest)
            known.replayed_to = known.orders_replayed_to = known.dual_write_from
        known.began = first or known.began
        known.replayed = None if note else last
    return f"{settings.database_path} {note}, and keeps what it has of the other" if note else None


def _newest_batch(connection: duckdb.DuckDBPyConnection) -> int:
    try:
        return int(value_of(connection, "select coalesce(max(batch_id), 0) from raw.landings"))
    except duckdb.CatalogException:
        return 0


def _replay(settings: Settings) -> Drift:
    note = follow_database(settings)
    left, written, lost = pending(settings), 0, 0
    refused, refusal = 0, None
    if not left:
        return Drift(note=note)
    with connected() as server:
        server.execute(_LEDGER_SQL)
        if _is_another(settings, server):
            left = pending(settings)
        there = {
            (batch_id, sha256)
            for batch_id, sha256 in server.execute(
                f"select batch_id, sha256 from {LEDGER} where batch_id >= %s".encode(),
                [left[0].batch_id],
            )
        }
        for batch in left:
            if (batch.batch_id, batch.sha256) not in there:
                number, done = _write(settings, server, batch)
                written, lost = written + done.rows, lost + batch.rows - number
                refused += len(done.refused)
                refusal = refusal or next(iter(done.refused.values()), None)
            with state.changed(settings) as known:
                known.replayed_to, known.replayed = batch.batch_id, batch.landed
                known.replayed_at = state.now()
    return Drift(written, lost=lost, refused=refused, refusal=refusal, note=note)


def _is_another(settings: Settings, server: psycopg.Connection) -> bool:
    """Whether TIMESCALE_DSN names another server: begin anew then, its ledger lists what it has."""
    ((there,),) = server.execute(f"select {SERVER}".encode()).fetchall()
    with state.changed(settings) as known:
        is_another = known.server not in (None, there)
        if is_another:
            known.replayed_to = known.orders_replayed_to = known.dual_write_from or 0
        known.server = there
    return is_another


def _write(settings: Settings, server: psycopg.Connection, batch: Batch) -> tuple[int, Put]:
    """Write one batch, warm or cold, in one transaction with its row of the ledger.

    Returns how many rows of it there are, as the others were let go or archived, and what became
    of them: those that the server refuses are left out.
    """
    table = _TABLES[batch.kind]
    columns = common_columns(server, table, KINDS[batch.kind].table, settings)
    with spool.scratch(settings) as scratch:
        rows = scratch / "rows.csv"
        with open_writer(settings) as connection:
            cold = readable_files(connection, table.name, after_batch=batch.batch_id - 1)
            kept = with_files(connection, settings.data_dir, RELATIONS[table.name], cold)
            number: int = value_of(
                connection,
                f"copy (select {', '.join(as_postgres(n, t) for n, t in columns.items())}"
                f" from {kept} where batch_id = {batch.batch_id})"
                f" to {sql_path(rows)} (format csv, header false)",
            )
        with server.transaction():
            insert = f"{take_in(server, table.name, columns, rows).insert} where position between"

            def put(first: int, last: int) -> int:
                return server.execute(f"{insert} %s and %s".encode(), [first, last]).rowcount

            done = put_apart(server, put, 1, number)
            server.execute(
                f"insert into {LEDGER} (batch_id, sha256, table_name, row_count)"
                " values (%s, %s, %s, %s)".encode(),
                [batch.batch_id, batch.sha256, table.name, done.rows],
            )
    return number, done
