"""Received frames on the disk before they are a segment: a kill takes a moment of them only.

log = FrameLog(settings, "binance", "binance-usdm", ["ticks"])
log.append([(time.time_ns(), b"{...}")])    # durable
log.remove()                                # when the segment of them is

A stream has one log a segment and holds it (`flock`); what a killed one left, `take_over` makes a
segment. Both have the same bytes, so whoever was killed in between lands them once.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import duckdb

from python_ingest.errors import IngestError
from python_ingest.feeds.catalogue import named
from python_ingest.feeds.declared import scan
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.lines import MAX_LINE
from python_ingest.landing import spool
from python_ingest.landing.prepare import read, write_segment
from python_ingest.settings import Settings
from python_ingest.storage.files import hold, hold_free, make_folder, sync_to_disk
from python_ingest.storage.sql import value_of

Frame = tuple[int, bytes]
"""A clock in nanoseconds, and what came then."""


def lines(frames: Iterable[Frame]) -> bytes:
    """Return frames as the lines that a feed of messages reads, as recorded files have them."""
    return b"".join(map(_line, frames))


def _line(frame: Frame) -> bytes:
    # JSON has no raw line breaks inside its texts, so between its tokens a blank serves as well
    clock, text = frame
    return b"%d %s\n" % (clock, text.replace(b"\r", b" ").replace(b"\n", b" "))


class FrameLog:
    """The frames of the next segment, `kept` of them durable. Not thread-safe."""

    def __init__(self, settings: Settings, feed: str, market: str, kinds: Sequence[str]) -> None:
        name = f"{time.time_ns():020d}.{feed}.{market}.{'.'.join(kinds)}.ndjson"
        self._path = spool.frames_folder(settings) / name
        self._file: int | None = None
        self._bytes = self.kept = 0

    def append(self, frames: Sequence[Frame]) -> None:
        """Make frames durable. Raises OSError, and then none of them is."""
        if self._file is None:
            make_folder(self._path.parent)
            file = hold(self._path)
            try:
                sync_to_disk(self._path.parent)
            except OSError:
                os.close(file)
                raise
            self._file = file
        text = lines(frames)
        try:
            written = 0
            while written < len(text):
                written += os.pwrite(self._file, text[written:], self._bytes + written)
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._bytes)
            raise
        self._bytes += len(text)
        self.kept += len(frames)

    def remove(self) -> None:
        """Forget frames that a segment holds."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None


def take_over(settings: Settings, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make a log that was left a segment. Raises what `prepare` does; the log then stays."""
    file = hold_free(path)
    if file is None:
        return
    try:
        _cut_torn_line(file)
        if os.fstat(file).st_size:
            _write_segments(settings, connection, path)
        path.unlink(missing_ok=True)
    finally:
        os.close(file)


def _cut_torn_line(file: int) -> None:
    """Cut a line that was being written: nobody was told that it is durable."""
    size = os.fstat(file).st_size
    end = max(size - MAX_LINE, 0)
    os.ftruncate(file, end + os.pread(file, MAX_LINE, end).rfind(b"\n") + 1)


def _write_segments(settings: Settings, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        _, name, market, *kinds = path.stem.split(".")
    except ValueError:
        raise IngestError("no stream has called it so: move it out of spool/frames") from None
    content = path.read_bytes()
    with spool.scratch(settings) as folder:
        read_frames = readings(connection, path.stem, name, market, kinds, content, folder)
        for segment, finished in read_frames:
            spool.commit(settings, segment, finished)


def readings(  # noqa: PLR0913, PLR0917 - whose frames, and where to
    connection: duckdb.DuckDBPyConnection,
    file_name: str,
    feed: str,
    market: str,
    kinds: Sequence[str],
    content: bytes,
    folder: Path,
) -> Iterator[tuple[spool.Segment, Path]]:
    """Write the rows of frames, as `lines` gives them; yield a segment and its file for each kind.

    The first kind has one in any case, another one where some messages are of it: all of them are
    none of the first.
    """
    feeds = {one.kind: one for one in named(feed)}
    digest = sha256(content).hexdigest()
    for kind in kinds:
        reading, finished = scan(feeds[kind], content, {}, market), folder / f"{kind}.parquet"
        others = write_segment(connection, KINDS[kind], reading, finished)
        ours = f"select count(*) from {read(finished)} where ignored is null"
        if kind == kinds[0] or value_of(connection, ours):
            yield spool.of_scan(kind, file_name, digest, reading, others), finished
        if not others:
            return
