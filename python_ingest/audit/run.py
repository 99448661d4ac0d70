"""Audit the rows that landed since the last passed audit."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread

import duckdb

from python_ingest.cli.audited import AuditResult
from python_ingest.landing.spool import SERVICE
from python_ingest.schema.version import require_current
from python_ingest.settings import Settings
from python_ingest.storage.sql import value_of
from python_ingest.storage.writer import open_writer, require_database


def audit(settings: Settings) -> AuditResult:
    """Judge every batch since the last passed audit, write the data docs, save the verdict.

    The database is locked only to read the figures and to save the verdict. Without a new batch
    nothing is judged and nothing slow is imported.
    """
    require_database(settings)
    with open_writer(settings) as connection:
        require_current(connection)
        after, newest = last_passed(connection), _newest(connection)
        if not _is_anything_new(connection):
            return AuditResult(passed=True, batch_id=newest, nothing_new=True)
        # Imported late: pandas and Great Expectations take seconds.
        from python_ingest.audit import profile as profiles  # noqa: PLC0415

        figures = profiles.profile(connection, settings.data_dir, after)
    from python_ingest.audit import expectations, pages  # noqa: PLC0415

    folder = settings.data_dir / "audit" / "data_docs"
    draft = folder.with_name("data_docs.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    judgement = expectations.judge(figures, draft)
    pages.make_local(draft)
    passed = not judgement.critical
    title = "The audit passed" if passed else "The audit failed: its rows are not published"
    span = f"Batches {after + 1} to {newest}"
    broken = {"Critical": judgement.critical, "Warnings": judgement.warnings}
    pages.write_index(draft, title, span, broken, figures)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)

    result = AuditResult(
        passed,
        newest,
        judgement.critical,
        judgement.warnings,
        folder / "index.html",
        failed=judgement.failed,
        first_batch=after + 1,
    )
    _keep(settings, newest, passed=passed, summary=result.summary)
    return result


@contextmanager
def loaded_beside(settings: Settings) -> Iterator[None]:
    """Import what an audit needs while the block runs, if there is something to judge.

    The import takes two seconds of one core; the block waits for a build in another process.
    """
    with open_writer(settings) as connection:
        needed = _is_anything_new(connection)
    beside = Thread(target=_import_expectations, daemon=True)
    if needed:  # `audit` reports an import that fails
        beside.start()
    yield  # one that is interrupted waits for nothing
    if needed:
        beside.join()


def _import_expectations() -> None:
    with suppress(Exception):
        import_module("python_ingest.audit.expectations")


def accept(settings: Settings, why: str) -> int:
    """Record everything landed so far as passed, with the reason; return the newest batch."""
    require_database(settings)
    with open_writer(settings) as connection:
        require_current(connection)
        newest = _newest(connection)
    _keep(settings, newest, passed=True, summary=f"accepted: {why}")
    return newest


def last_passed(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the newest batch of the last passed audit; 0 when there is none."""
    return int(
        value_of(connection, "select coalesce(max(batch_id), 0) from raw.audits where passed")
    )


def _newest(connection: duckdb.DuckDBPyConnection) -> int:
    return int(value_of(connection, "select coalesce(max(batch_id), 0) from raw.landings"))


def _is_anything_new(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether other rows than our own telemetry landed since the last passed audit.

    Every cycle lands its own telemetry, which is judged together with the next other batch.
    """
    # Without bound values: for them DuckDB would load pandas.
    others = (
        f"select count(*) from raw.landings where batch_id > {last_passed(connection)}"
        f" and not starts_with(file_name, '{SERVICE}/')"
    )
    return bool(value_of(connection, others))


def _keep(settings: Settings, batch_id: int, *, passed: bool, summary: str) -> None:
    with open_writer(settings) as connection:
        connection.execute(
            "insert into raw.audits values (?, now()::timestamp, ?, ?)",
            [batch_id, passed, summary],
        )
