"""Which format a file is in: by its names and content, never by one line, never by a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError, UsageError
from python_ingest.feeds import declared, json_lines, parquet, text
from python_ingest.feeds.catalogue import CANONICAL, feeds
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.hints import hints, names_of
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import Source, first_line, opened
from python_ingest.feeds.relation import CANONICAL_VERSION, Scan
from python_ingest.storage.sql import literal

_PACKED = {
    b"\x1f\x8b": "packed twice (gzip within); unpack it once",
    b"PK\x03\x04": "packed twice (zip within); unpack it once",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first: zstd -d",
    b"BZh": "packed by bzip2; unpack it first: bunzip2",
    b"\xfd7zXZ": "packed by xz; unpack it first: unxz",
    b"\x04\x22\x4d\x18": "packed by lz4; unpack it first: lz4 -d",
    b"7z\xbc\xaf": "packed by 7z; unpack it first: 7z x",
}
_UTF_16 = (rb"\xff\xfe", rb"\xfe\xff", rb"[^\x00]\x00[^\x00]\x00", rb"\x00[^\x00]\x00[^\x00]")
_JSON = re.compile(r"^([\d.]+:? +)?[{\[]")
_NO_FORMAT = "not in a known format (parquet, csv, ndjson or a feed: ingest feeds lists them)"
_LINES, _BYTES = 100, 100_000  # of a text that are looked at


@dataclass(frozen=True)
class Wanted:
    """What a user says of a file: its kind, perhaps its format or feed, exchange and delimiter.

    `folder` holds the user's own feeds.
    """

    kind: Kind
    format: str | None = None
    exchange: str | None = None
    delimiter: str | None = None
    folder: Path | None = None

    def require_known(self) -> None:
        """Raise UsageError when the named format is none, or none of this kind."""
        if self.format is None or self.format in CANONICAL:
            return
        of_name = [feed for feed in feeds(self.folder) if feed.name == self.format]
        if not of_name:
            raise UsageError(
                f"--format {self.format}: not one of {', '.join(CANONICAL)}, and no feed"
                " (ingest feeds lists them)"
            )
        if self.kind.name not in [feed.kind for feed in of_name]:
            kinds = " or ".join(feed.kind for feed in of_name)
            raise UsageError(f"--format {self.format} is of {kinds}, not of {self.kind.name}")


class Beginning:
    """What is looked at: a file's path, what it was called in an archive, and its first lines."""

    def __init__(self, source: Source, path: str, inside: str | None = None) -> None:
        self.source = source
        names = [path, *([inside] if inside else [])]
        self._names = [name.rpartition("/")[2] for name in names]
        self._path = "/".join([path, *([inside] if inside else [])])

    @cached_property
    def lines(self) -> list[str]:
        """The first lines that are not blank, without their ends; the last may be cut off."""
        with opened(self.source) as file:
            texts = file.read(_BYTES).removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if len(texts) > 1:
            texts.pop()
        decoded = [line.decode("utf-8", errors="replace").strip("\r") for line in texts]
        return [line for line in decoded if line.strip()][:_LINES]

    def name_has(self, pattern: str | None) -> dict[str, str] | None:
        """Return the named parts of a pattern in the first of the file's names that has it."""
        for name in self._names if pattern else []:
            match = re.search(pattern or "", name)
            if match:
                return {part: text for part, text in match.groupdict().items() if text}
        return None

    def path_has(self, pattern: str | None) -> dict[str, str] | None:
        """Return the named parts of a pattern in the file's whole path, if it is there."""
        match = re.search(pattern, self._path) if pattern else None
        return {k: v for k, v in match.groupdict().items() if v} if match else None


def scan_of(
    connection: duckdb.DuckDBPyConnection, wanted: Wanted, beginning: Beginning, path: Path
) -> Scan:
    """Return the reading of an unpacked file, of which `beginning` is the beginning.

    Raises FileRejectedError when it is in no format that we know, or not in the one that is named.
    """
    found = detect_format(wanted, beginning)
    if isinstance(found, Declaration):
        parts = _parts(found, beginning)
        return _of_exchange(declared.scan(found, path, parts, wanted.exchange), wanted)
    return _of_exchange(_canonical(connection, wanted, found, path), wanted)


def format_and_version(wanted: Wanted, beginning: Beginning) -> tuple[str, int]:
    """Return a file's format and its version, as the manifest keeps them. Raises as `scan_of`."""
    found = detect_format(wanted, beginning)
    if isinstance(found, Declaration):
        return _named(found.name, wanted), found.version
    return _named(found, wanted), CANONICAL_VERSION


def require_text(source: Source) -> None:
    """Raise FileRejectedError when an unpacked file begins as no text and no Parquet does."""
    with opened(source) as file:
        head = file.read(6)
    for beginning, what in _PACKED.items():
        if head.startswith(beginning):
            raise FileRejectedError(what)
    if any(re.match(pattern, head, re.DOTALL) for pattern in _UTF_16):
        raise FileRejectedError("is UTF-16; land it as UTF-8: iconv -f UTF-16 -t UTF-8")


def detect_format(wanted: Wanted, beginning: Beginning) -> Declaration | str:
    """Return the canonical format or the feed of a file.

    Raises FileRejectedError, which says what was seen, what comes nearest and what to do.
    """
    known = [feed for feed in feeds(wanted.folder) if feed.kind == wanted.kind.name]
    if wanted.format is not None and wanted.format not in CANONICAL:
        return _contradicted(next(f for f in known if f.name == wanted.format), wanted)
    found = wanted.format or _canonical_format(wanted, beginning)
    if found is not None:
        return found
    seen = [feed for feed in known if sees(feed, beginning)]
    if not seen:
        return _unknown(wanted, beginning)
    return _contradicted(_decided(seen, wanted, beginning), wanted)


def _contradicted(feed: Declaration, wanted: Wanted) -> Declaration:
    """Raise FileRejectedError when a feed is refused by name, or of another exchange or none."""
    if feed.refuse:
        raise FileRejectedError(f"{feed.refuse} (feed {feed.name})")
    if wanted.exchange is None and not feed.names_exchange:
        raise FileRejectedError(
            f"a file of feed {feed.name} does not say of which exchange it is: say --exchange NAME"
        )
    if wanted.exchange is not None and not _may_be_of(feed, wanted.exchange):
        raise FileRejectedError(
            f"it is of {' or '.join(feed.exchanges)} (feed {feed.name}), and --exchange says"
            f" {wanted.exchange}"
        )
    return feed


def sees(feed: Declaration, beginning: Beginning) -> bool:
    """Whether a file's beginning, and its name where that is asked for, is as a feed says."""
    seen = feed.recognise
    if seen.name_only and beginning.name_has(seen.name) is None:
        return False
    lines = beginning.lines
    if not lines or (seen.first and not re.match(seen.first, lines[0])):
        return False
    if feed.file.format == "json":
        return any(_JSON.match(line) for line in lines) and _has_keys(feed, beginning)
    if _JSON.match(lines[0]):
        return False
    headers = lines if feed.file.sections else lines[:1]
    return bool(seen.header and any(_has_header(feed, line) for line in headers)) or bool(
        seen.fields and _has_fields(feed, lines)
    )


def _has_keys(feed: Declaration, beginning: Beginning) -> bool:
    seen = feed.recognise
    if seen.first and not seen.keys:
        return True
    documents = json_lines.first_documents(beginning.source, feed.file.rows)
    return any(
        set(keys) <= set(document) and not set(seen.without) & set(document)
        for _, document in documents
        for keys in seen.keys
    )


def _has_header(feed: Declaration, line: str) -> bool:
    seen, file = feed.recognise, feed.file
    try:
        names = text.names_in(line, file.delimiter, file.header_until)
    except FileRejectedError:
        return False
    found = [name.lower() for name in names]
    header = {name.lower() for name in seen.header}
    allowed = header | {name.lower() for name in seen.optional}
    return header <= set(found) and (seen.more or set(found) <= allowed)


def _has_fields(feed: Declaration, lines: list[str]) -> bool:
    rows = [line for line in lines if not line.startswith(tuple(feed.file.comment))]
    if not rows:
        return False
    try:
        split = [text.split(line, feed.file.delimiter) for line in rows]
    except FileRejectedError:
        return False
    patterns = feed.recognise.fields
    right = [
        len(fields) == len(patterns)
        and all(re.fullmatch(p, f) for p, f in zip(patterns, fields, strict=True))
        for fields in split
    ]
    # a damaged line says nothing of the others
    return sum(right) * 3 >= len(right) * 2


def _require_lines(line: str) -> None:
    if not line:
        raise FileRejectedError("the file is empty")
    if "\r" in line and "\x00" not in line:
        raise FileRejectedError(
            "its lines end with a carriage return alone; end them with newlines and land it again"
        )
    if "\x00" in line:
        raise FileRejectedError(_NO_FORMAT)


def _canonical_format(wanted: Wanted, beginning: Beginning) -> str | None:
    """Return the canonical format that a file shows, if it does; look at its bytes first."""
    with opened(beginning.source) as file:
        if file.read(4) == b"PAR1":
            return "parquet"
    line = first_line(beginning.source)
    _require_lines(line)
    if wanted.delimiter is not None:
        return "csv"
    if _is_canonical(line, wanted, beginning):
        return "ndjson" if _JSON.match(line) else "csv"
    return None


def _is_canonical(line: str, wanted: Wanted, beginning: Beginning) -> bool:
    """Whether all names are those of canonical columns: of a header, or of most first objects."""
    known = set(wanted.kind.column_names)
    if not _JSON.match(line):
        names = names_of(line)
        return bool(names) and {name.lower() for name in names} <= known
    objects = [object_ for _, object_ in json_lines.first_documents(beginning.source) if object_]
    ours = [object_ for object_ in objects if set(object_) <= known]
    return line.startswith("{") and len(ours) * 2 > len(objects)


def _decided(seen: list[Declaration], wanted: Wanted, beginning: Beginning) -> Declaration:
    """Return the one feed that a file is of."""
    told = [feed for feed in seen if beginning.path_has(feed.recognise.path) is not None]
    named = [feed for feed in seen if beginning.name_has(feed.recognise.name) is not None]
    begun = [feed for feed in seen if feed.recognise.first is not None]
    chosen = begun or told or named or seen
    if wanted.exchange is not None:
        # where none is of that exchange the first one says so
        of_exchange = [f for f in seen if _may_be_of(f, wanted.exchange)]
        chosen = [f for f in chosen if f in of_exchange] or of_exchange or chosen[:1]
    if len(chosen) == 1:
        return chosen[0]
    exchanges = sorted({name for feed in chosen for name in feed.exchanges})
    by = "--exchange" if len(exchanges) > 1 and wanted.exchange is None else "--format"
    choices = exchanges if by == "--exchange" else [feed.name for feed in chosen]
    raise FileRejectedError(
        f"it may be of feed {' or '.join(feed.name for feed in chosen)}, and neither it nor its"
        f" name tells which: say {' or '.join(f'{by} {choice}' for choice in choices)}"
    )


def _may_be_of(feed: Declaration, exchange: str) -> bool:
    return not feed.exchanges or exchange in feed.exchanges


def _parts(feed: Declaration, beginning: Beginning) -> dict[str, str]:
    """Return what a feed takes from a file's names. Raises FileRejectedError where it lacks."""
    parts = beginning.path_has(feed.recognise.path) or {}
    parts |= beginning.name_has(feed.recognise.name) or {}
    lacking = sorted(set(feed.parts) - set(parts))
    if lacking:
        raise FileRejectedError(
            f"a file of feed {feed.name} has its {' and '.join(lacking)} only in its name:"
            " keep the name that it was published under"
        )
    return parts


def _unknown(wanted: Wanted, beginning: Beginning) -> str:
    """Say what is wrong with a file of no feed; the canonical format if nothing is."""
    line = first_line(beginning.source)
    for feed in feeds(wanted.folder):
        if feed.kind != wanted.kind.name and sees(feed, beginning):
            raise FileRejectedError(
                f"it is of feed {feed.name}, which has {feed.kind}: ingest land {feed.kind}"
            )
    found = "ndjson" if _JSON.match(line) else "csv"
    if found == "csv" and "\ufffd" in line:
        raise FileRejectedError(_NO_FORMAT)
    try:
        _canonical(None, wanted, found, beginning.source)
    except FileRejectedError as error:
        documents = json_lines.first_documents(beginning.source) if found == "ndjson" else []
        names = list(documents[0][1]) if documents else names_of(line)
        known = [feed for feed in feeds(wanted.folder) if feed.kind == wanted.kind.name]
        said = [str(error), *hints(names, wanted.kind, known)]
        raise FileRejectedError("; ".join(said)) from None
    return found


def _canonical(
    connection: duckdb.DuckDBPyConnection | None, wanted: Wanted, found: str, source: Source
) -> Scan:
    if connection is not None and isinstance(source, Path) and found == "parquet":
        return parquet.scan(connection, wanted.kind, source, wanted.exchange)
    if found == "csv":
        return text.csv_scan(wanted.kind, source, wanted.delimiter or ",", wanted.exchange)
    return json_lines.scan(wanted.kind, source, wanted.exchange)


def _named(found: str, wanted: Wanted) -> str:
    return f"{found} of {wanted.exchange}" if wanted.exchange is not None else found


def _of_exchange(scan: Scan, wanted: Wanted) -> Scan:
    """Return a reading whose rows are of the exchange that was asked for, and no others."""
    exchange = wanted.exchange
    if exchange is None:
        return scan
    said = '"exchange"' if "exchange" in scan.types else "null"
    complaint = "complaint" if "complaint" in scan.extra else "null::varchar"
    others = literal(f", and --exchange says {exchange}")
    replaced = [name for name in ("exchange", "complaint") if name in (*scan.types, *scan.extra)]
    rest = f"* exclude ({', '.join(replaced)})" if replaced else "*"
    sql = f"""
select {rest}, coalesce({said}::varchar, {literal(exchange)}) as exchange,
    case when {said} <> {literal(exchange)} then 'exchange: it is of ' || {said} || {others}
        else {complaint} end as complaint
from ({scan.sql})"""
    extra = (*(name for name in scan.extra if name != "complaint"), "complaint")
    return replace(
        scan,
        format=_named(scan.format, wanted),
        sql=sql,
        types={**scan.types, "exchange": "VARCHAR"},
        extra=extra,
    )
