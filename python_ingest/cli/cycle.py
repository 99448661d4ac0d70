"""`ingest cycle`: the one command for a scheduler."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from python_ingest import interrupts
from python_ingest.cli.audited import AuditResult, audit, loaded_beside
from python_ingest.cli.clock import AsOf, variables
from python_ingest.cli.dbt_run import dbt_build, require_project
from python_ingest.cli.dual_write import states_written_twice, written_twice
from python_ingest.cli.news import News, begin, news, nothing_new, remember, views_stand
from python_ingest.cli.progress import steps
from python_ingest.cli.resident import Every, parse_seconds, stay
from python_ingest.errors import (
    AuditFailedError,
    IngestError,
    NothingBeforeError,
    PublishedInPartError,
    UsageError,
)
from python_ingest.landing.land import LandingResult, land_pending
from python_ingest.landing.report import land_telemetry
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.lifecycle.safe_segments import remove_safe_segments
from python_ingest.lifecycle.sweep import sweep
from python_ingest.publication.manifest import Chains, read_manifest
from python_ingest.publication.publish import Publication, by_reason, publish
from python_ingest.publication.taken_over import copied_beside
from python_ingest.publication.versions import named_cold_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.cold_files import readable_paths, require_files
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer

app = typer.Typer()

Force = Annotated[
    bool,
    typer.Option("--force", help="Run though nothing is new; take an --as-of that is yet to come."),
]
# TimescaleDB gets the states of orders and positions.
_WRITTEN_TWICE = "trading"
_NEXT = (
    "{python} -c \"import duckdb; duckdb.connect('{path}', read_only=True)"
    ".sql('select symbol, strategy_id, quantity, net_pnl from current_positions').show()\""
)


def _python() -> str:
    """Return the path of this interpreter, relative to the working folder where possible."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


@dataclass(frozen=True)
class Cycled:
    """What a cycle did. `newest`: the news that it built; `error`: what it left."""

    newest: News
    published: Publication
    warnings: list[str]
    summary: str
    error: IngestError | None


@app.command(epilog="Example: ingest cycle --every 10s")
def cycle(as_of: AsOf = "", force: Force = False, every: Every = "") -> None:
    """Land what is pending, build and test, export, audit, publish.

    Where a model, a test or the audit fails, its chain of models and all that read it stay as they
    were published before; the rest is published, and the exit code is 3.

    Landed segments that are published, a day old and in a backup are removed then.

    A segment that cannot be landed stays in the spool; the rest goes on, and the exit code is 1.
    So it is when cleaning up after the publication fails: both messages begin with "built and
    published".

    Where nothing is new since the cycle before, and no quarter of an hour has ended, it says so.

    With --every it stays until SIGTERM or Ctrl-C: it looks for news that often, and runs a cycle
    when there are some, and every quarter of an hour.
    """
    clock = variables(as_of, force=force)
    require_project()
    settings = load_settings()
    interrupts.spool = settings.spool_dir
    if every:
        if clock:
            raise UsageError("--every follows the clock: it takes no --as-of")
        stay(settings, parse_seconds(every))
        return
    unneeded = None if clock or force else nothing_new(settings)
    if unneeded:
        print(unneeded)
        return
    with steps() as say:
        done = run(settings, clock, say=say)
    print(f"{done.published.path}, {done.published.bytes / 1e6:.1f} MB")
    for warning in done.warnings:
        print(f"warning: {warning}")
    print(done.summary)
    print(f"next: {_NEXT.format(python=_python(), path=settings.published_path)}")
    if done.error:
        raise done.error


def run(
    settings: Settings,
    clock: Mapping[str, object],
    *,
    say: Callable[[str], None] = lambda step: None,
) -> Cycled:
    """Run one cycle; `say` is called before each step.

    The first one of a quarter of an hour makes all views anew, and where they may be others.

    Raises IngestError when nothing was published.
    """
    started = time.monotonic()
    with process_lock(settings.data_dir / "cycle.lock", "ingest cycle"):
        begun = begin(settings)
        with open_writer(settings) as connection:
            migrate(connection)
            # without them no model could be built
            require_files(settings.data_dir, readable_paths(connection))
            views = bool(clock) or not views_stand(connection, begun)
        with copied_beside(settings) as copy:
            say("landing")
            with written_twice(settings):
                landed = land_pending(settings)
                land_telemetry(settings)
            newest = news(settings)
            say("building and testing models")
            with loaded_beside(settings):
                build = dbt_build(settings, clock, views=views)
            say("auditing")
            verdict = audit(settings)
            manifest = read_manifest(build.manifest)
            chains = Chains(manifest)
            failed = {
                **build.failed,
                **{chains.source(raw): why for raw, why in verdict.failed.items()},
            }
            held = chains.held_back(failed)
            if _WRITTEN_TWICE not in held:
                states_written_twice(settings)
            say("publishing")
            try:
                published = publish(settings, chains.of_relations, held, manifest, begun=copy)
            except NothingBeforeError as nothing:
                if verdict.passed:
                    raise
                raise AuditFailedError(f"{nothing}. {verdict.advice}") from None
        say("tidying up")
        untidy = _tidy(settings, published)
        error = _left(landed, untidy, published if held else None, verdict)
        if not (error or clock):
            remember(settings, begun, newest)
    return Cycled(
        newest=newest,
        published=published,
        warnings=[*build.warnings, *verdict.warnings],
        summary=f"built {build.models} models, {build.tests_passed} tests passed,"
        f" {len(build.warnings)} with warnings; {verdict.summary};"
        f" {time.monotonic() - started:.1f} s",
        error=error,
    )


def _left(
    landed: list[LandingResult],
    untidy: Exception | None,
    in_part: Publication | None,
    verdict: AuditResult,
) -> IngestError | None:
    """Return what was not done: not landed, not tidied up, held back."""
    not_landed = [result for result in landed if result.state == "failed"]
    left = []
    if not_landed:
        left.append(
            "built and published without what could not be landed: "
            + "; ".join(f"{result.file}: {result.error}" for result in not_landed)
        )
    if untidy:
        left.append(
            f"built and published, but not tidied up (the next cycle tries again): {untidy}"
        )
    if in_part:
        left.insert(0, _held_back(in_part))
        if not verdict.passed:
            left.append(verdict.advice)
        return PublishedInPartError("; ".join(left))
    return IngestError("; ".join(left)) if left else None


def _held_back(published: Publication) -> str:
    """Say what stays as it was published before, and why."""
    reasons = by_reason(published.held_back)
    said = [f"{', '.join(names)}, because of {reason}" for reason, names in reasons.items()]
    return f"published in part; as they were before (publication_status): {'; '.join(said)}"


def _tidy(settings: Settings, published: Publication) -> Exception | None:
    """Free the space of what a publication made unneeded; return why that could not be done."""
    try:
        if not published.held_back:  # `serve` reads segments that are not published yet
            remove_safe_segments(settings)
        sweep(settings, named_cold_files(settings))
        compact_database(settings)
    except (IngestError, OSError, duckdb.Error) as error:
        return error
    return None
