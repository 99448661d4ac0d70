"""Land files: the API that commands and other rooms use.

for result in land_files(load_settings(), "ticks", [Path("btcusdt-2024-08-08.csv.gz")]):
    print(result.state, result.landed, result.rejected)
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import duckdb

from python_ingest.errors import (
    DatabaseBusyError,
    FileRejectedError,
    IngestError,
)
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import frames, spool, waiting
from python_ingest.landing.batch import (
    LITTLE_BYTES,
    Landed,
    land_segment,
    landed_before,
    read_whole,
)
from python_ingest.landing.engine import Engine
from python_ingest.landing.input_files import InputFile, files_in, name_of
from python_ingest.landing.prepare import format_of, prepare
from python_ingest.landing.rejects import Reason
from python_ingest.schema.migrate import migrate
from python_ingest.schema.version import current_version
from python_ingest.settings import Settings
from python_ingest.storage.disk_full import in_full, is_disk_full
from python_ingest.storage.failures import first_line, raise_if_interrupted
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import open_writer

_KNOWN = (IngestError, OSError, duckdb.Error)
# What DuckDB says of contents; all else is said of the place where they are to be.
_PERMANENT = (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError)

State = Literal["landed", "already landed", "spooled", "ignored", "failed"]


@dataclass(frozen=True)
class LandingResult:
    """What became of one file: read = landed + duplicate + rejected + ignored.

    `others` counts the ignored messages by kind, `reasons` the rejected rows, and those that a
    former landing of the file had recorded, which are duplicates. `before`: the newest batch that
    took rows of the same bytes in another format, or for another exchange or account. `error` says
    why a file failed, was spooled or ignored, or why the segment of one that landed is still in the
    spool; `may_pass`: the same segment may land later, when there is room or the database is back.
    """

    file: str
    kind: str
    state: State
    batch_id: int | None = None
    read: int = 0
    landed: int = 0
    duplicate: int = 0
    rejected: int = 0
    ignored: int = 0
    seconds: float = 0.0
    others: dict[str, int] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    before: Landed | None = None
    error: str | None = None
    may_pass: bool = False
    lock_wait_seconds: float = 0.0
    segment_age_seconds: float = 0.0


def land_files(  # noqa: PLR0913
    settings: Settings,
    kind: str,
    paths: Sequence[Path],
    named_format: str | None = None,
    report: Callable[[LandingResult], None] | None = None,
    *,
    exchange: str | None = None,
    account: str | None = None,
    delimiter: str | None = None,
    again: bool = False,
    engine: Engine | None = None,
) -> list[LandingResult]:
    """Land files of one kind, each in a transaction of its own; one that fails stops no other.

    Each file of a zip is one. Migrates the database. `report` is called with each result as it is
    known. `exchange`, `account`: whose they are, where the file says nothing else. `delimiter`: of
    canonical CSV. `again`: read files anew that were landed before; what is there stays single.
    `engine`: of a caller that lands again soon.
    """
    wanted = Wanted(KINDS[kind], named_format, exchange, delimiter, settings.feeds_dir, account)
    wanted.require_known()
    results = []
    with nullcontext(engine) if engine else Engine(settings) as running:
        for path in paths:
            for result in _land_path(settings, wanted, path, running, again=again):
                results.append(result)
                if report:
                    report(result)
    return results


def _land_path(
    settings: Settings, wanted: Wanted, path: Path, engine: Engine, *, again: bool
) -> Iterator[LandingResult]:
    """Land a file, or each file of a zip."""
    with ExitStack() as stack:
        try:
            files = stack.enter_context(files_in(settings, path))
        except Exception as error:  # whatever is wrong with one file stops no other
            yield _failed(name_of(path), wanted.kind.name, error)
            return
        for file in files:
            yield _land_file(settings, wanted, file, engine, again=again)


def land_pending(
    settings: Settings, report: Callable[[LandingResult], None] | None = None
) -> list[LandingResult]:
    """Land what waits in the spool, oldest first.

    Its segments, rows whose days are back, and frames that a killed stream left.
    """
    results = []

    def add(result: LandingResult) -> None:
        results.append(result)
        if report:
            report(result)

    try:
        for path, why in _release(settings).items():
            add(_unreadable(path, why))
    except DatabaseBusyError:
        pass  # as each segment will say
    except (IngestError, OSError, duckdb.Error) as error:  # stops nothing that waits in the spool
        add(_failed(str(waiting.folder_of(settings)), "", error))
    with Engine(settings) as engine:
        for path in spool.left_frames(settings):
            try:
                with engine.session() as connection:
                    frames.take_over(settings, connection, path)
            except Exception as error:  # stops nothing that waits in the spool
                add(_failed(str(path), "", error))
        for path in spool.pending(settings):
            try:
                segment = spool.read_description(path)
            except (OSError, ValueError) as error:
                if path.exists():  # else another loader landed it meanwhile
                    add(_unreadable(path, error))
            else:
                add(land_one(settings, segment, engine))
    return results


def _unreadable(path: Path, error: Exception) -> LandingResult:
    what = "it" if isinstance(error, duckdb.Error) else f"its description {path.stem}.json"
    return LandingResult(
        file=str(path),
        kind=path.name.split("-")[1] if "-" in path.name else "",
        state="failed",
        error=f"{what} cannot be read ({first_line(error)}); land its source again and remove it",
    )


def _release(settings: Settings) -> dict[Path, Exception]:
    """Move what waited for days that are back into the spool; return what cannot be read."""
    if not any(waiting.folder_of(settings).glob("*.parquet")):
        return {}
    if not settings.database_path.exists():
        return {}
    with open_writer(settings) as connection:
        migrate(connection)
        return waiting.release(connection, settings)


def land_one(
    settings: Settings, segment: spool.Segment, engine: Engine | None = None
) -> LandingResult:
    """Land one waiting segment; a busy database leaves it in the spool.

    `engine`: of a caller that lands again soon.
    """
    was_there = spool.is_there(settings, segment)
    result = _land_one(settings, segment, engine)
    if result.state != "failed":
        return result
    if was_there and not spool.is_there(settings, segment):
        # another loader had committed it, and moved it now
        result = _land_one(settings, segment, engine)
    lost = _lost(settings, segment) if result.state == "failed" and result.may_pass else None
    return replace(result, error=lost, may_pass=False) if lost else result


def _lost(settings: Settings, segment: spool.Segment) -> str | None:
    """Say what is wrong where a segment's file is not what was written: that does not pass."""
    name = spool.path_of(settings, segment).name
    try:
        if not settings.spool_dir.exists():
            return None  # what is away may come back
        actual = sha256_of(spool.path_of(settings, segment))
    except FileNotFoundError:
        return f"{name} is gone from the spool; land {segment.file_name} again"
    except OSError:
        return None
    return spool.not_as_written(settings, segment, actual)


def _land_one(settings: Settings, segment: spool.Segment, engine: Engine | None) -> LandingResult:
    started = time.monotonic()
    told = LandingResult(
        file=segment.file_name, kind=segment.kind, state="failed", others=segment.others
    )
    try:
        with engine.writer(settings) if engine else open_writer(settings) as connection:
            waited = time.monotonic() - started
            migrate(connection)
            batch = land_segment(connection, settings, segment)
    except DatabaseBusyError as error:
        seconds = time.monotonic() - started
        return replace(told, state="spooled", seconds=seconds, error=str(error), may_pass=True)
    except Exception as error:  # whatever is wrong with one segment stops no other
        raise_if_interrupted(error)
        return replace(
            told,
            seconds=time.monotonic() - started,
            error=f"{_what(error)} (its segment waits: ingest land --pending)",
            may_pass=isinstance(error, _KNOWN)
            and not isinstance(error, (FileRejectedError, *_PERMANENT)),
        )
    age = spool.age_seconds(segment)
    did = {name: value for name, value in vars(batch).items() if name != "new"}
    did["read"] += batch.ignored
    stays = None
    try:
        if batch.new:
            spool.landed(settings, segment)
        else:
            spool.discard(settings, segment)
    except OSError as error:  # its rows are committed: whoever lands the spool next moves it
        stays = f"its rows are landed, but {segment.name} stays in the spool: {first_line(error)}"
    return replace(
        told,
        state="landed" if batch.new else "already landed",
        **did,
        error=stays,
        seconds=time.monotonic() - started,
        lock_wait_seconds=waited,
        segment_age_seconds=age,
    )


def _land_file(
    settings: Settings, wanted: Wanted, file: InputFile, engine: Engine, *, again: bool
) -> LandingResult:
    started = time.monotonic()
    told = LandingResult(file.name, wanted.kind.name, "failed")
    if file.no_data:
        return replace(told, state="ignored", error=file.no_data)
    try:
        may_be_known = not (file.several or again)
        before = _seen_before(settings, wanted, file, engine) if may_be_known else None
        if before is not None:
            seconds = time.monotonic() - started
            return replace(told, state="already landed", batch_id=before.batch_id, seconds=seconds)
        with engine.session() as connection:
            segment = prepare(settings, wanted, file, connection, again=again)
    except Exception as error:  # whatever is wrong with one file stops no other
        return _failed(told.file, told.kind, error)
    result = land_one(settings, segment, engine)
    if segment.canonical and result.state in ("failed", "spooled"):
        damage = _damage(settings, segment, engine)
        if damage:
            spool.withdraw(settings, segment)
            result = replace(told, error=f"cannot be read: {damage}")
    return replace(result, seconds=time.monotonic() - started)


def _failed(file: str, kind: str, error: Exception) -> LandingResult:
    raise_if_interrupted(error)
    return LandingResult(file, kind, "failed", error=_what(error))


def _what(error: Exception) -> str:
    """Return the line that says what is wrong; a fault of ours with its kind."""
    line = first_line(error)
    if is_disk_full(error):
        return str(in_full(IngestError(line)))
    return line if isinstance(error, _KNOWN) else f"{type(error).__name__}: {line}"


def _damage(settings: Settings, segment: spool.Segment, engine: Engine) -> str | None:
    """Read a segment that nobody has read yet to its end; say what is wrong with it."""
    path = spool.path_of(settings, segment)
    with engine.session() as connection:
        try:
            rows = f"select hash(columns(*)) from read_parquet({sql_path(path)})"
            connection.execute(f"select max(columns(*)) from ({rows})").fetchall()
        except duckdb.Error as error:
            return first_line(error).replace(str(path), "it")
    return None


def _seen_before(
    settings: Settings, wanted: Wanted, file: InputFile, engine: Engine
) -> Landed | None:
    """Ask the database, if it is free, whether the work can be spared.

    Of little the work is less than the question, which its landing asks too.
    """
    if file.path.stat().st_size <= LITTLE_BYTES or not settings.database_path.exists():
        return None
    sha256 = file.zip.sha256 if file.zip else sha256_of(file.path)
    try:
        with engine.writer(settings.waiting(0)) as connection:
            if current_version(connection) == 0:
                return None
            migrate(connection)
            found = landed_before(connection, wanted.kind.name, sha256)
    except DatabaseBusyError:
        return None
    return read_whole(found, format_of(wanted, file)) if found else None
