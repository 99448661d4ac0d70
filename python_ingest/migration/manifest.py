"""What was extracted: one manifest per relation, beside its files.

`run.json` is the current extraction, `manifest.json` the last finished one, which readers use. Both
are replaced as a whole.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from python_ingest.errors import IngestError
from python_ingest.migration.ranges import Range
from python_ingest.settings import Settings
from python_ingest.storage.files import write_whole
from python_ingest.storage.sql import quoted, sql_path

EVERYTHING = Range(datetime.min, datetime.max)
FINISHED, UNFINISHED = "manifest.json", "run.json"


@dataclass(frozen=True)
class Part:
    """One range that was read: its file, rows, checksum and refused rows.

    `seen` shows later whether the range changed: the server's snapshot or a content checksum.
    `is_changing`: it changed again while it was read a second time.
    """

    start: datetime
    end: datetime
    file: str
    rows: int
    bytes: int
    sha256: str
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    rejects_file: str | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    is_changing: bool = False

    @property
    def range(self) -> Range:
        """The time it covers."""
        return Range(self.start, self.end)


@dataclass(frozen=True)
class Retention:
    """A policy of the server, and the instant before which it explains that rows are gone."""

    policy: str
    retired_before: datetime


@dataclass(frozen=True)
class Manifest:
    """An extraction of one relation. Times are UTC.

    `asked`: the span that the run answers for. `covered`: the spans of which the parts have every
    row of the server; a row of ours in such a span that is in no part is missing on the server.
    `gone`: parts that the server no longer has; their files are kept and read, but not compared.
    `columns`: name to DuckDB type. `landed_sql` returns canonical rows of a relation `extracted`
    with these columns and a `row_number`. `source`: schema and name there, `table_there`: as
    `Relation` has it; both are empty where an earlier version read it. `time`: the files' column.
    """

    relation: str
    table: str | None
    time: str
    timeframe: str | None
    run: str
    started_at: datetime
    since: datetime | None
    until: datetime | None
    plan: tuple[Range, ...]
    covered: tuple[Range, ...]
    columns: dict[str, str]
    landed_sql: str = ""
    parts: tuple[Part, ...] = ()
    finished_at: datetime | None = None
    asked: Range = EVERYTHING
    gone: tuple[Part, ...] = ()
    retention: Retention | None = None
    source: str = ""
    table_there: str = ""

    @property
    def read(self) -> tuple[Part, ...]:
        """The parts that this run has read, not a former one."""
        return tuple(part for part in self.parts if part.file.endswith(f"-{self.run}.parquet"))

    @property
    def rows(self) -> int:
        """Rows in all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def rejected(self) -> int:
        """Rows that could not be accepted."""
        return sum(part.rejected for part in self.parts)

    def with_part(self, part: Part) -> Self:
        """Return the manifest with one range read, again or for the first time."""
        others = [p for p in self.parts if p.range != part.range]
        return replace(self, parts=tuple(sorted([*others, part], key=lambda p: p.start)))

    def missing(self) -> list[Range]:
        """Return the planned ranges that have not been read."""
        done = {(part.start, part.end) for part in self.parts}
        return [r for r in self.plan if (r.start, r.end) not in done]


_READ = TypeAdapter(Manifest)


def extracts_dir(settings: Settings) -> Path:
    """Where all extracts lie."""
    return settings.data_dir / "extracts"


def folder_of(settings: Settings, relation: str) -> Path:
    """Where one relation's extracts lie."""
    return extracts_dir(settings) / relation


def save(folder: Path, manifest: Manifest, name: str) -> None:
    """Write a manifest durably, replacing what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / name, json.dumps(asdict(manifest), indent=1, default=str))


def load(folder: Path, name: str = FINISHED) -> Manifest | None:
    """Read a manifest; None when there is none. Raises IngestError when it is damaged."""
    path = folder / name
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        # earlier versions did not note what was asked for
        asked = {
            "start": document["since"] or datetime.min,
            "end": document["until"] or datetime.max,
        }
        return _READ.validate_python({"asked": asked, **document})
    except (ValueError, TypeError, KeyError):
        raise IngestError(f"{path} is damaged: remove it and extract the table again") from None


def rows_of(folder: Path, extracted: Manifest, parts: Iterable[Part]) -> str:
    """Return SQL of the rows of parts with every column of the extract; NULL where a file is older.

    `file_row_number` counts the rows of a file from 0.
    """
    columns = (f"null::{type_} as {quoted(name)}" for name, type_ in extracted.columns.items())
    files = ", ".join(sql_path(folder / part.file) for part in parts)
    rows = f"from read_parquet([{files}], union_by_name = true, file_row_number = true)"
    return f"select {', '.join(columns)} where false" + f" union all by name {rows}" * bool(files)


def all_finished(settings: Settings) -> Iterator[Manifest]:
    """Yield the finished extracts, by name."""
    for path in sorted(extracts_dir(settings).glob(f"*/{FINISHED}")):
        manifest = load(path.parent)
        if manifest:
            yield manifest
