"""The time ranges that an extraction reads. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

# A range is one file and one query: large enough for speed, small enough to repeat.
_ROWS_PER_RANGE = 200_000
# Times beyond this many years stand for "for ever", such as 9999-12-31: one range has them.
_YEARS = 100


@dataclass(frozen=True, order=True)
class Range:
    """From `start` up to but not including `end`, UTC. `datetime.min` and `max`: without limit."""

    start: datetime
    end: datetime
    is_compressed: bool = False

    def __str__(self) -> str:
        start = "the beginning" if self.start == datetime.min else f"{self.start}"
        end = "now" if self.end == datetime.max else f"{self.end:%Y-%m-%d %H:%M:%S}"
        return f"{start} to {end}"

    def overlaps(self, other: Self) -> bool:
        """Whether the two share an instant."""
        return self.start < other.end and other.start < self.end

    @property
    def label(self) -> str:
        """A name that sorts by time and is safe in a file name."""
        return f"{self.start:%Y%m%dT%H%M%S}_{self.end:%Y%m%dT%H%M%S}"


def calendar(first: datetime, last: datetime, rows: int) -> list[Range]:
    """Cover [first, last] with whole UTC days, months or years, by how many rows there are."""
    days = max((last - first).days, 1)
    for step in ("day", "month"):
        length = {"day": 1, "month": 30}[step]
        if rows * length / days >= _ROWS_PER_RANGE or days <= length:
            return list(_steps(first, last, step))
    return list(_steps(first, last, "year"))


def _steps(first: datetime, last: datetime, step: str) -> Iterator[Range]:
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if step != "day":
        start = start.replace(day=1, month=1 if step == "year" else start.month)
    far = start.year + _YEARS
    while start <= last and start != datetime.max:
        end = _next(last if start.year >= far else start, step)
        yield Range(start, end)
        start = end


def _next(time: datetime, step: str) -> datetime:
    """Return where the day, month or year after that of a time begins; datetime.max: nowhere."""
    start = time.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        if step == "day":
            return start + timedelta(days=1)
        if step == "month":
            return (start.replace(day=1) + timedelta(days=31)).replace(day=1)
        return start.replace(year=start.year + 1, month=1, day=1)
    except (OverflowError, ValueError):
        return datetime.max


def chosen(
    ranges: Sequence[Range],
    since: datetime | None,
    until: datetime | None,
    kept: Iterable[Range] = (),
) -> tuple[list[Range], Range]:
    """Return the ranges that [since, until) touches, and the span of which they are all.

    A range of an earlier extraction (`kept`) that overlaps only in part is read again as a whole,
    so that no instant is missing or read twice. It may be gone on the server: the span has it.
    """
    low = since or datetime.min
    high = until or datetime.max
    kept = list(kept)
    while True:
        picked = [r for r in ranges if r.start < high and low < r.end]
        touched = [*picked, *(k for k in kept if k.start < high and low < k.end)]
        wider = (
            min([low, *(t.start for t in touched)]),
            max([high, *(t.end for t in touched)]),
        )
        if wider == (low, high):
            return picked, Range(low, high)
        low, high = wider


def merged(spans: Iterable[Range]) -> tuple[Range, ...]:
    """Return the union of the spans; touching spans are joined."""
    found: list[Range] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Range(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(Range(span.start, span.end))
    return tuple(found)
