"""Keeps what readers see up to date with a live build; where it fails, published rows are shown."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import duckdb

from python_ingest.errors import IngestError
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.spool import Segment
from python_ingest.publication.attached import attached
from python_ingest.publication.live_models import read_models
from python_ingest.serving.hot import HotDay
from python_ingest.serving.live_build import PUBLISHED, LiveBuild
from python_ingest.serving.live_rows import LiveRows
from python_ingest.serving.spool_reader import FAILURES, SpoolReader
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line

logger = logging.getLogger("python_ingest.serve")

# The key in the metadata of an answer: since when rows are live, or why they are published ones.
LIVE = b"live"
Functions = Callable[[duckdb.DuckDBPyConnection], None]
# What comes while the former segments land is in the same pass; a stream does not hold it up.
_LOOKS = 3


class LiveDay:
    """A live build beside the engine of a hot day. Thread-safe.

    `functions` makes functions known that models call. What goes wrong is logged, and told in the
    metadata of each answer; readers see published rows then.
    """

    def __init__(self, settings: Settings, day: HotDay, functions: Functions | None) -> None:
        self._day = day
        self._build: LiveBuild | None = None
        self._rows: LiveRows | None = None
        self._failure = ""
        self._is_stale = True
        self._shown: list[str] = []  # of each part, how new it is
        self._left_out: list[str] = []  # segments that landing could not read
        self._lock = threading.Lock()
        self._engine = attached(
            settings, 1, settings.performance.memory_limit_mb, catalog=PUBLISHED
        )
        live = read_models(self._engine, PUBLISHED)
        self._but = f"; {live.missing}" if live.missing else ""
        if not live.models:
            self._engine.close()
            self._fall_back(live.missing, live.missing)
            return
        try:
            if functions:
                functions(self._engine)
            self._build = LiveBuild(settings, self._engine, live)
            self._rows = LiveRows(day.engine, settings.published_path.stem, live)
            self._shown = ["as published"] * len(self._build.parts)
        except FAILURES as error:
            self._build = None
            self._engine.close()
            what = "the models cannot be run"
            self._fall_back(f"{what}: {first_line(error)}", f"{what}: {_without_values(error)}")
            return
        kinds = {kind.name for kind in KINDS.values() if self._build.reads(kind)}
        self._spool = SpoolReader(settings, day.contents, kinds)

    def interrupt(self) -> None:
        """End a pass that runs: nobody waits for it."""
        if self._build is not None:
            self._engine.interrupt()

    def close(self) -> None:
        """Close the engine of the build."""
        with self._lock:
            self._build = None
            self._engine.close()

    def follow(self) -> None:
        """Land what arrived, and show readers what a build would make of it."""
        with self._lock:
            if self._build is None:
                return
            for _ in range(_LOOKS):
                for segment in self._spool.unread():
                    self._is_stale |= self._land(self._build, segment) > 0
            if self._is_stale:
                self._is_stale = False  # also where it fails: until something arrives
                self._restate()

    def _land(self, build: LiveBuild, segment: Segment) -> int:
        try:
            landed = self._spool.read(segment, lambda path: build.land(segment, path))
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise  # it may be landed later
        except FAILURES as error:
            self._warn(f"segment {segment.name} is left out: {_without_values(error)}")
            self._left_out.append(segment.name)
            landed = None
        self._spool.mark_read(segment)  # where it is gone, it is published
        return landed or 0

    def _restate(self) -> None:
        assert self._build is not None and self._rows is not None  # noqa: S101, PT018
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self._build.begin()
            if self._failure:  # readers see published rows: no tombstones of trading's before it
                self._build.forget()
            for number, part in enumerate(self._build.parts):
                self._build.restate(part)
                self._rows.show(self._build.differences(self._rows.kept_of(part)))
                self._shown[number] = f"as of {now}"
                self._say_how_new()
        except duckdb.InterruptException:
            raise  # the server closes
        except FAILURES as error:
            self._fall_back(first_line(error), _without_values(error))
            with suppress(*FAILURES):
                self._rows.show_published()
        else:
            self._failure = ""

    def _say_how_new(self) -> None:
        """Tell since when rows are live: those of trading follow those of the market."""
        market, *trading = self._shown
        later = "".join(f"; trading {how}" for how in trading if how != market)
        without = f"; without {', '.join(self._left_out)}" if self._left_out else ""
        self._day.note = {LIVE: f"{market}{later}{self._but}{without}".encode()}

    def _fall_back(self, reason: str, logged: str) -> None:
        """Tell readers why rows are published ones, and the log, which has no values."""
        self._shown = ["as published"] * len(self._shown)
        self._day.note = {LIVE: f"published rows: {reason}".encode()}
        if reason != self._failure:
            self._warn(f"what is served live is as it was published: {logged}")
        self._failure = reason

    def _warn(self, what: str) -> None:
        logger.warning(what, extra={"event": "live_behind", "service": "serve"})


def _without_values(error: BaseException) -> str:
    """Return what a log says of an error: texts of DuckDB's may have values of rows in them."""
    if isinstance(error, IngestError | duckdb.OutOfMemoryException):
        return first_line(error)
    return type(error).__name__
