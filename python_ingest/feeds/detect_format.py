"""Which format a file is in: by its names and content, never by one line, never by a guess."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError, UsageError
from python_ingest.feeds import declared, json_lines, parquet, text
from python_ingest.feeds.binance_markets import foreign, is_foreign
from python_ingest.feeds.catalogue import CANONICAL, canonical_csv, faults, feeds, require_sound
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.hints import hints, names_in, nearest
from python_ingest.feeds.kinds import OWNERS, Kind
from python_ingest.feeds.layout import (
    require_a_document_a_line,
    require_canonical_layout,
    require_feeds_layout,
)
from python_ingest.feeds.lines import Source, first_line, opened, seems_encoded
from python_ingest.feeds.parquet_pages import require_whole
from python_ingest.feeds.recognise import (
    Beginning,
    has_fields,
    is_json,
    lacks,
    require_own_names,
    sees,
)
from python_ingest.feeds.relation import CANONICAL_VERSION, Scan
from python_ingest.feeds.values import spelled
from python_ingest.storage.sql import first_of, literal, quoted

_PACKED = {
    b"\x1f\x8b": "packed twice (gzip within); unpack it once",
    b"PK\x03\x04": "packed twice (zip within); unpack it once",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first: zstd -d",
    b"BZh": "packed by bzip2; unpack it first: bunzip2",
    b"\xfd7zXZ": "packed by xz; unpack it first: unxz",
    b"\x04\x22\x4d\x18": "packed by lz4; unpack it first: lz4 -d",
    b"7z\xbc\xaf": "packed by 7z; unpack it first: 7z x",
}
# UTF-32 is asked first: its byte order mark begins with that of UTF-16.
_UTF_32 = (
    rb"\xff\xfe\x00\x00",
    rb"\x00\x00\xfe\xff",
    rb"[^\x00]\x00\x00\x00[^\x00]",
    rb"\x00\x00\x00[^\x00]\x00",
)
_UTF_16 = (rb"\xff\xfe", rb"\xfe\xff", rb"[^\x00]\x00[^\x00]\x00", rb"\x00[^\x00]\x00[^\x00]")
_NO_FORMAT = "not in a known format (parquet, csv, ndjson or a feed: ingest feeds lists them)"


@dataclass(frozen=True)
class Wanted:
    """What a user says of a file: its kind, perhaps its format or feed, and whose rows they are.

    `folder` holds the user's own feeds.
    """

    kind: Kind
    format: str | None = None
    exchange: str | None = None
    delimiter: str | None = None
    folder: Path | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        """Spell the owners as they are known: `Kraken` is `kraken`."""
        for name, said in (("exchange", self.exchange), ("account", self.account)):
            object.__setattr__(self, name, _as_known(name, said))

    @property
    def csv(self) -> Declaration:
        """The feed of canonical CSV, as the user says it is."""
        given = None if self.exchange is None else "exchange"
        return canonical_csv(self.kind.name, self.delimiter or ",", given)

    def require_known(self) -> None:
        """Raise UsageError when the named format is none, of another kind, or has no delimiter."""
        if self.delimiter is not None and self.format not in (None, "csv"):
            raise UsageError(
                f"--delimiter is of canonical CSV, and --format {self.format} says its own"
            )
        if self.format is None or self.format in CANONICAL:
            return
        require_sound(self.format, self.kind.name, self.folder)
        of_name = [feed for feed in feeds(self.folder) if feed.name == self.format]
        if not of_name:
            raise UsageError(
                f"--format {self.format}: not one of {', '.join(CANONICAL)}, and no feed"
                " (ingest feeds lists them)"
            )
        if self.kind.name not in [feed.kind for feed in of_name]:
            kinds = " or ".join(feed.kind for feed in of_name)
            raise UsageError(f"--format {self.format} is of {kinds}, not of {self.kind.name}")


def _as_known(name: str, said: str | None) -> str | None:
    known = OWNERS["account_id" if name == "account" else name].names
    small = said.lower() if said and said.isascii() else said
    return small if small in known else said


def scan_of(
    connection: duckdb.DuckDBPyConnection, wanted: Wanted, beginning: Beginning, path: Path
) -> Scan:
    """Return the reading of an unpacked file, of which `beginning` is the beginning.

    Raises FileRejectedError when it is in no format that we know, or not in the one that is named.
    """
    found = detect_format(wanted, beginning)
    if isinstance(found, Declaration):
        exchange = wanted.exchange or beginning.told(found)
        scan = declared.scan(found, path, _parts(found, beginning), exchange)
    elif found == "parquet":
        require_whole(connection, path)
        readable = parquet.with_readable_times(connection, path)
        scan = parquet.scan(connection, wanted.kind, readable, wanted.exchange)
    else:
        scan = _of_lines(wanted, found, path)
    for column, said in (("exchange", wanted.exchange), ("account_id", wanted.account)):
        if said is not None:
            scan = _of_one(scan, column, said)
    return replace(scan, format=_named(found, wanted, beginning))


def format_and_version(wanted: Wanted, beginning: Beginning) -> tuple[str, int]:
    """Return a file's format and its version, as the manifest keeps them. Raises as `scan_of`."""
    found = detect_format(wanted, beginning)
    version = found.version if isinstance(found, Declaration) else CANONICAL_VERSION
    return _named(found, wanted, beginning), version


def _named(found: Declaration | str, wanted: Wanted, beginning: Beginning) -> str:
    """Return a format with all that decides what its rows are besides the bytes."""
    name = found if isinstance(found, str) else found.name
    if isinstance(found, Declaration):
        parts, told = _parts(found, beginning), beginning.told(found)
        said = [f"{part} {parts[part]}" for part in dict.fromkeys(found.parts)]
        # the last is what all such files were of, before their names told it
        if wanted.exchange is None and told is not None and told != list(found.told)[-1]:
            said.append(f"exchange {told}")
        name = f"{name} ({', '.join(said)})" if said else name
    name = f"{name} of {wanted.exchange}" if wanted.exchange is not None else name
    return f"{name} for {wanted.account}" if wanted.account is not None else name


def require_text(source: Source) -> None:
    """Raise FileRejectedError when an unpacked file begins as no text and no Parquet does."""
    with opened(source) as file:
        head = file.read(6)
    for beginning, what in _PACKED.items():
        if head.startswith(beginning):
            raise FileRejectedError(what)
    for name, patterns in (("UTF-32", _UTF_32), ("UTF-16", _UTF_16)):
        if any(re.match(pattern, head, re.DOTALL) for pattern in patterns):
            raise FileRejectedError(f"is {name}; land it as UTF-8: iconv -f {name} -t UTF-8")


def detect_format(wanted: Wanted, beginning: Beginning) -> Declaration | str:
    """Return the canonical format or the feed of a file.

    Raises FileRejectedError, which says what was seen, what comes nearest and what to do.
    """
    known = [feed for feed in feeds(wanted.folder) if feed.kind == wanted.kind.name]
    if wanted.format is not None and wanted.format not in CANONICAL:
        feed = next(feed for feed in known if feed.name == wanted.format)
        if not feed.refuse:
            require_a_document_a_line(beginning, [feed])
            require_feeds_layout([feed], beginning, wanted.folder)
            _require_fits(feed, known, beginning)
        elif not sees(feed, beginning):
            raise FileRejectedError(f"it is not of feed {feed.name}, whose files are refused")
        return _contradicted(feed, wanted, beginning)
    found = wanted.format or _canonical_format(wanted, beginning)
    if found != "parquet":
        require_a_document_a_line(beginning, known)
    if found == "csv":
        _require_layout(wanted, known, beginning)
    if found is not None:
        return found if found == "parquet" else _explained(wanted, found, beginning, known)
    seen = [feed for feed in known if sees(feed, beginning)]
    if not seen:
        return _unknown(wanted, beginning)
    feed = _decided(seen, wanted, beginning)
    require_feeds_layout([feed], beginning, wanted.folder, seen=True)
    require_sound(feed.name, feed.kind, wanted.folder)  # one that was to replace it
    return _contradicted(feed, wanted, beginning)


def _require_fits(feed: Declaration, known: list[Declaration], beginning: Beginning) -> None:
    """Raise FileRejectedError when a file is not of the feed that a user named."""
    what = lacks(feed, beginning)
    if what is not None:
        others = nearest(beginning, [other for other in known if other != feed])
        raise FileRejectedError("; ".join([f"it is not of feed {feed.name}: {what}", *others]))


def _contradicted(feed: Declaration, wanted: Wanted, beginning: Beginning) -> Declaration:
    """Raise FileRejectedError when a feed is refused by name, or of another exchange or none."""
    if feed.refuse:
        raise FileRejectedError(f"{feed.refuse} (feed {feed.name})")
    if wanted.exchange is None and not feed.names_exchange:
        raise FileRejectedError(
            f"a file of feed {feed.name} does not say of which exchange it is: say --exchange NAME"
        )
    if wanted.exchange is None and feed.told and beginning.told(feed) is None:
        first = json_lines.first_lines(beginning.source, feed.file.rows)
        untold = declared.untold(feed, first, beginning.parts(feed))
        if untold:
            raise FileRejectedError(f"{untold} (feed {feed.name})")
    if wanted.exchange is not None and not _may_be_of(feed, wanted.exchange):
        raise _of_another([feed], wanted.exchange)
    exchanges = feed.exchanges if wanted.exchange is None else [wanted.exchange]
    symbol = _foreign_symbol(feed, exchanges, beginning)
    if symbol:
        raise FileRejectedError(
            f"{symbol} is no symbol of {' or '.join(exchanges)}, which"
            f" {'--exchange' if wanted.exchange else f'feed {feed.name}'} names"
        )
    return feed


def _of_another(feeds_of_it: list[Declaration], exchange: str) -> FileRejectedError:
    exchanges = dict.fromkeys(name for feed in feeds_of_it for name in feed.exchanges)
    names = " or ".join(feed.name for feed in feeds_of_it)
    return FileRejectedError(
        f"it is of {' or '.join(exchanges)} (feed {names}), and --exchange says {exchange}"
    )


def _foreign_symbol(feed: Declaration, exchanges: list[str], beginning: Beginning) -> str | None:
    """Return the symbol in a file's name when none of some exchanges has such symbols."""
    symbol = beginning.parts(feed).get("symbol")
    if symbol and exchanges and all(is_foreign(exchange, symbol) for exchange in exchanges):
        return symbol
    return None


def _require_lines(line: str) -> None:
    if not line:
        raise FileRejectedError("the file is empty")
    if "\x00" in line:
        raise FileRejectedError(_NO_FORMAT)
    if "\r" in line:
        raise FileRejectedError(
            "its lines end with a carriage return alone; end them with newlines and land it again"
        )


def _canonical_format(wanted: Wanted, beginning: Beginning) -> str | None:
    """Return the canonical format that a file shows, if it does; look at its bytes first."""
    with opened(beginning.source) as file:
        if file.read(4) == b"PAR1":
            _require_no_delimiter(wanted, "Parquet")
            return "parquet"
    line = first_line(beginning.source)
    _require_lines(line)
    if wanted.delimiter is not None:
        if is_json(line):
            _require_no_delimiter(wanted, "JSON")
        known = [] if _is_canonical(line, wanted, beginning) else feeds(wanted.folder)
        seen = [f.name for f in known if f.kind == wanted.kind.name and sees(f, beginning)]
        if seen:
            _require_no_delimiter(wanted, f"of feed {' or '.join(seen)}, which says its own")
        return "csv"
    if beginning.is_empty_list:  # of whichever feed it is
        return "ndjson"
    if _is_canonical(line, wanted, beginning):
        return "ndjson" if is_json(line) else "csv"
    return None


def _require_layout(wanted: Wanted, known: list[Declaration], beginning: Beginning) -> None:
    """Raise FileRejectedError where a header is canonical or a feed's, but lies otherwise."""
    require_canonical_layout(wanted.csv, beginning, said=wanted.delimiter is not None)
    if not _is_canonical(first_line(beginning.source), wanted, beginning):
        require_feeds_layout(known, beginning, wanted.folder)


def _require_no_delimiter(wanted: Wanted, what: str) -> None:
    if wanted.delimiter is not None:
        raise FileRejectedError(f"--delimiter is of canonical CSV, and this is {what}")


def _is_canonical(line: str, wanted: Wanted, beginning: Beginning) -> bool:
    """Whether all names are those of canonical columns: of a header, or of most first objects."""
    known = set(wanted.kind.column_names)
    if not is_json(line):
        names = text.names_in(line)
        return bool(names) and {name.lower() for name in names} <= known
    objects = [object_ for _, object_ in json_lines.first_documents(beginning.source) if object_]
    ours = [object_ for object_ in objects if set(object_) <= known]
    return line.startswith("{") and len(ours) * 2 > len(objects)


def _decided(seen: list[Declaration], wanted: Wanted, beginning: Beginning) -> Declaration:
    """Return the one feed that a file is of."""
    by_path = [feed for feed in seen if beginning.path_has(feed.recognise.path) is not None]
    named = [feed for feed in seen if beginning.name_has(feed.recognise.name) is not None]
    begun = [feed for feed in seen if feed.recognise.first is not None]
    chosen = begun or by_path or named or seen
    possible = [f for f in chosen if not _foreign_symbol(f, f.exchanges, beginning)] or chosen
    if wanted.exchange is not None:
        # how a file begins is in it; its path is not, and a user knows better
        of_exchange = [f for f in begun or seen if _may_be_of(f, wanted.exchange)]
        if not of_exchange:
            raise _of_another(possible, wanted.exchange)
        chosen = possible = [f for f in chosen if f in of_exchange] or of_exchange
    if len(chosen) == 1:
        return chosen[0]
    exchanges = {name for feed in chosen for name in feed.exchanges}
    if len(exchanges) > 1 and wanted.exchange is None:
        choices = sorted({f"--exchange {name}" for feed in possible for name in feed.exchanges})
    else:
        choices = [f"--format {feed.name}" for feed in possible]
    others = " or ".join(feed.name for feed in chosen if feed not in possible)
    told = f"its symbol is none of {others}" if others else "neither it nor its name tells which"
    raise FileRejectedError(
        f"it may be of feed {' or '.join(feed.name for feed in chosen)}, and {told}:"
        f" say {' or '.join(choices)}"
    )


def _may_be_of(feed: Declaration, exchange: str) -> bool:
    return not feed.exchanges or exchange in feed.exchanges


def _parts(feed: Declaration, beginning: Beginning) -> dict[str, str]:
    """Return what a feed takes from a file's names. Raises FileRejectedError where it lacks."""
    parts = beginning.parts(feed)
    lacking = sorted(set(feed.parts) - set(parts))
    if lacking:
        seen = feed.recognise
        pattern = f"a name that matches {seen.name or seen.path}"
        raise FileRejectedError(
            f"a file of feed {feed.name} has its {' and '.join(lacking)} only in its name: give it"
            f" the name that it was published under, as {seen.example or pattern}"
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
    encoding = seems_encoded(beginning.source)
    if encoding:
        raise FileRejectedError(
            f"is no UTF-8, but {encoding} as it seems; land it as UTF-8:"
            f" iconv -f {encoding} -t UTF-8"
        )
    found = "ndjson" if is_json(line) else "csv"
    if found == "csv" and "\ufffd" in line:
        raise FileRejectedError(_NO_FORMAT)
    known = [feed for feed in feeds(wanted.folder) if feed.kind == wanted.kind.name]
    if found == "csv":
        _require_own_header(line)
        _require_layout(wanted, known, beginning)
        require_own_names(known, beginning)
    return _explained(wanted, found, beginning, known)


def _require_own_header(line: str) -> None:
    """Raise FileRejectedError where a data frame wrote a header, which had none."""
    index, *numbers = text.names_in(line) or [""]
    if numbers and not index and numbers == [str(at) for at in range(len(numbers))]:
        raise FileRejectedError(
            "its first line is a data frame's numbers of columns, and its first column the index:"
            " neither is the vendor's; write it with to_csv(FILE, header=False, index=False)"
        )


def _explained(
    wanted: Wanted, found: str, beginning: Beginning, known: Sequence[Declaration]
) -> str:
    """Return a canonical format that a file is read as; say what it may be where it cannot be."""
    try:
        _of_lines(wanted, found, beginning.source)
    except FileRejectedError as error:
        delimiter = wanted.delimiter or ","
        names = {name.lower() for name in names_in(beginning, delimiter)}
        if names and names <= set(wanted.kind.column_names):
            raise
        said = [str(error), *hints(beginning, wanted.kind, known, delimiter)]
        said += [
            f"if it is of feed {feed.name}, say so: --format {feed.name}"
            for feed in known
            if has_fields(feed, beginning) and not feed.refuse
        ]
        kinds = (None, wanted.kind.name)
        said += [
            fault.what for fault in faults(wanted.folder) if fault.name and fault.kind in kinds
        ]
        raise FileRejectedError("; ".join(said)) from None
    return found


def _of_lines(wanted: Wanted, found: str, source: Source) -> Scan:
    """Read canonical CSV or NDJSON. Raises FileRejectedError."""
    if found == "ndjson":
        return json_lines.scan(wanted.kind, source, wanted.exchange)
    header = [name.lower() for name in text.header_of(source, wanted.csv.file.delimiter)]
    parquet.check_columns(wanted.kind, header, wanted.exchange)
    return declared.scan(wanted.csv, source, {})


def _of_one(scan: Scan, column: str, value: str) -> Scan:
    option = f"--{column.removesuffix('_id')}"
    said = "null::varchar"
    if column in scan.types:
        said = spelled(f"nullif(trim({quoted(column)}::varchar), '')", OWNERS[column])
    complaint = "complaint" if "complaint" in scan.extra else "null::varchar"
    others = literal(f", and {option} says {value}")
    wrong = [(f"said <> {literal(value)}", f"'{column}: it is of ' || said || {others}")]
    not_there = foreign(value, "symbol::varchar") if column == "exchange" else None
    if not_there and "symbol" in scan.types:
        no_symbol = literal(f" is no symbol of {value}, which --exchange names")
        wrong.append((not_there, f"'symbol: ' || symbol || {no_symbol}"))
    replaced = [name for name in (column, "complaint") if name in (*scan.types, *scan.extra)]
    sql = f"""
select * exclude ({", ".join([*replaced, "said"])}), coalesce(said, {literal(value)}) as {column},
    {first_of(wrong, complaint)} as complaint
from (select *, {said} as said from ({scan.sql}))"""
    extra = (*(name for name in scan.extra if name != "complaint"), "complaint")
    return replace(scan, sql=sql, types={**scan.types, column: "VARCHAR"}, extra=extra)
