"""Keeps what readers see up to date with a live build; where it fails, published rows are shown."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

import duckdb

from python_ingest.errors import IngestError
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.spool import Segment
from python_ingest.publication.attached import attached
from python_ingest.publication.live_models import read_models
from python_ingest.serving.fair_semaphore import FairSemaphore
from python_ingest.serving.hot import HotDay
from python_ingest.serving.live_build import LiveBuild
from python_ingest.serving.live_part import PUBLISHED, LivePart
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
_AS_PUBLISHED = "as published"
# How long closing waits until it interrupts once more what still runs.
_INTERRUPT_SECONDS = 0.01


class LiveDay:
    """A live build beside the engine of a hot day. Thread-safe.

    `follow_market` and `follow_trading` may run at the same time. `functions` makes functions known
    that models call. What goes wrong is logged, and told in the metadata of each answer; readers
    see published rows then.
    """

    def __init__(self, settings: Settings, day: HotDay, functions: Functions | None) -> None:
        self._day = day
        self._build: LiveBuild | None = None
        self._rows: LiveRows | None = None
        self._failure = ""
        self._is_stale = True
        self._shown: list[str] = []  # of each part, how new it is
        self._left_out: list[str] = []  # segments that landing could not read
        self.passes = 0  # of the market's part, which readers saw
        self._followed = 0  # the last of them that trading's part followed
        # Who lands or runs the market's part, or begins trading's, which must not be in the middle
        # of a pass. Fair: a stream keeps the one that lands busy.
        self._between_passes = FairSemaphore(1)
        self._trading = FairSemaphore(1)  # who runs trading's part
        self._showing = threading.Lock()  # rows and what is told of them change together
        self._engine = attached(
            settings, 1, settings.performance.memory_limit_mb, catalog=PUBLISHED
        )
        live = read_models(self._engine, PUBLISHED)
        self._but = f"; {live.missing}" if live.missing else ""
        if not live.models:
            self._engine.close()
            self._tell_failure(live.missing, live.missing)
            return
        try:
            if functions:
                functions(self._engine)
            self._build = LiveBuild(settings, self._engine, live)
            self._rows = LiveRows(day.engine, settings.published_path.stem, live)
            self._shown = [_AS_PUBLISHED] * (1 + len(self._build.later))
        except FAILURES as error:
            self._build = None
            self._engine.close()
            what = "the models cannot be run"
            self._tell_failure(f"{what}: {first_line(error)}", f"{what}: {_without_values(error)}")
            return
        kinds = {kind.name for kind in KINDS.values() if self._build.reads(kind)}
        self._spool = SpoolReader(settings, day.contents, kinds)

    def interrupt(self) -> None:
        """End the passes that run: nobody waits for them."""
        if (build := self._build) is not None:
            build.interrupt()

    def close(self) -> None:
        """End what runs, and close the engine of the build."""
        build, self._build = self._build, None
        with ExitStack() as stack:
            for running in (self._trading, self._between_passes):
                while not running.acquire(_INTERRUPT_SECONDS):
                    if build is not None:
                        build.interrupt()
                stack.callback(running.release)
            if build is not None:
                build.close()
            self._engine.close()

    def follow(self) -> None:
        """Land what arrived, and show readers what a build would make of it."""
        self.follow_market()
        self.follow_trading()

    def follow_market(self) -> None:
        """Land what arrived, and show what the models of the market make of it."""
        with self._between_passes:
            if (build := self._build) is None:
                return
            for _ in range(_LOOKS):
                for segment in self._spool.unread():
                    if self._land(build, segment):
                        self._is_stale = True
            if self._is_stale:
                self._is_stale = False  # also where it fails: until something arrives
                now = datetime.now(UTC).isoformat(timespec="milliseconds")
                with self._published_where_it_fails():
                    build.begin()
                    self._run(0, build.first, f"as of {now}")

    def follow_trading(self) -> None:
        """Show what the models of trading make of what the market's last pass was over.

        More may land meanwhile, and be shown by `follow_market`.
        """
        with self._trading, self._published_where_it_fails(is_later=True):
            with self._between_passes:
                build = self._build
                if build is None or self._followed == self.passes:
                    return
                self._followed = self.passes  # also where it fails
                how = self._shown[0]
                if how == _AS_PUBLISHED:  # the market's part has failed since
                    return
                build.begin_later()
            try:
                for number, part in enumerate(build.later, 1):
                    self._run(number, part, how)
            finally:
                build.end_later()

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

    def _run(self, number: int, part: LivePart, how: str) -> None:
        """Run a part and show its rows; `how` new they are."""
        assert self._rows is not None  # noqa: S101
        part.restate()
        found = part.differences(self._rows.kept_of(part.models))
        with self._showing:
            if number and self._shown[0] == _AS_PUBLISHED:
                return  # the market's part has failed meanwhile
            self._rows.show(found)
            self._shown[number] = how
            if number == 0:
                self.passes += 1
            if number == len(self._shown) - 1:
                self._failure = ""
            self._say_how_new()

    def _say_how_new(self) -> None:
        """Tell since when rows are live: those of trading follow those of the market."""
        market, *trading = self._shown
        later = "".join(f"; trading {how}" for how in trading if how != market)
        without = f"; without {', '.join(self._left_out)}" if self._left_out else ""
        self._day.note = {LIVE: f"{market}{later}{self._but}{without}".encode()}

    @contextmanager
    def _published_where_it_fails(self, *, is_later: bool = False) -> Iterator[None]:
        """Let readers see published rows of all parts where one of them fails."""
        try:
            yield
        except duckdb.InterruptException:
            if self._build is not None:
                raise  # the server closes; else only this day, that readers have left
        except FAILURES as error:
            with self._showing:
                if is_later and self._followed < self.passes:
                    self._is_stale = True  # something arrived since this part began
                self._tell_failure(first_line(error), _without_values(error))
                assert self._rows is not None  # noqa: S101
                with suppress(*FAILURES):
                    self._rows.show_published()

    def _tell_failure(self, reason: str, logged: str) -> None:
        """Tell readers why rows are published ones, and the log, which has no values."""
        self._shown = [_AS_PUBLISHED] * len(self._shown)
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
