"""Whether the beginning of a file is as a feed says, and what it lacks where it is not."""

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

from python_ingest.errors import FileRejectedError
from python_ingest.feeds import json_lines, text
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.lines import Source, opened

_JSON = re.compile(r"^([\d.]+:? +)?[{\[]")
_EXTENSION = re.compile(r"(\.(csv|tsv|txt|json|jsonl|ndjson|gz|zip))+$", re.IGNORECASE)
_EMPTY_LIST = re.compile(r"\s*\[\s*\]\s*")
_LINES, _BYTES = 100, 100_000  # of a text that are looked at
_SHOWN, _FEW = 8, 4  # names in a message
_MOST = 2 / 3  # of the lines, which may have a damaged one among them
_NAME = re.compile(r"[A-Za-z_][\w .()/#%-]*")


class Beginning:
    """What is looked at: a file's path, what it was called in an archive, and its first lines."""

    def __init__(self, source: Source, path: str, inside: str | None = None) -> None:
        self.source = source
        # a file of a zip has its own name, which another one of the zip may not change
        names = [*([inside] if inside else []), path]
        self._stems = [_EXTENSION.sub("", name.rpartition("/")[2]) for name in names]
        self._path = "/".join([path, *([inside] if inside else [])])

    @cached_property
    def numbered(self) -> list[tuple[int, str]]:
        """The first lines that are not blank, without their ends, and their numbers from 1.

        The last may be cut off.
        """
        with opened(self.source) as file:
            texts = file.read(_BYTES).removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if len(texts) > 1:
            texts.pop()
        decoded = [line.decode("utf-8", errors="replace").strip("\r") for line in texts]
        return [(n, line) for n, line in enumerate(decoded, 1) if line.strip()][:_LINES]

    @cached_property
    def lines(self) -> list[str]:
        """Those lines alone."""
        return [line for _, line in self.numbered]

    def below(self, count: int) -> "Beginning":
        """Return the beginning of the same file without so many of those lines."""
        rest = copy(self)
        rest.__dict__.pop("lines", None)
        rest.__dict__["numbered"] = [
            (number, line.removeprefix("\ufeff")) for number, line in self.numbered[count:]
        ]
        return rest

    @property
    def is_json(self) -> bool:
        """Whether one of the first lines looks like JSON."""
        return any(is_json(line) for line in self.lines)

    @property
    def is_empty_list(self) -> bool:
        """Whether it is nothing but a JSON list without rows: a page of a vendor's, as it ends."""
        return bool(self.lines) and all(_EMPTY_LIST.fullmatch(line) for line in self.lines)

    def name_has(self, pattern: str | None) -> dict[str, str] | None:
        """Return the named parts of a pattern in the first of the file's names that is as it says.

        A name counts as a whole, without `.csv`, `.gz` and the like.
        """
        for stem in self._stems if pattern else []:
            match = re.fullmatch(pattern or "", stem)
            if match:
                return {part: text for part, text in match.groupdict().items() if text}
        return None

    def path_has(self, pattern: str | None) -> dict[str, str] | None:
        """Return the named parts of a pattern in the file's whole path, if it is there."""
        match = re.search(pattern, self._path) if pattern else None
        return {k: v for k, v in match.groupdict().items() if v} if match else None

    def parts(self, feed: Declaration) -> dict[str, str]:
        """Return what the patterns of a feed find in the file's names."""
        seen = feed.recognise
        return (self.path_has(seen.path) or {}) | (self.name_has(seen.name) or {})

    def told(self, feed: Declaration) -> str | None:
        """Return which of the exchanges of a feed, whose lines are the same, the path tells."""
        return told_by(feed, self._path)


def told_by(feed: Declaration, path: str) -> str | None:
    """Return which of the exchanges of a feed, whose lines are the same, a path or host tells."""
    return next((name for name, told in feed.told.items() if re.search(told, path)), None)


def is_json(line: str) -> bool:
    """Whether a line begins as JSON does, perhaps after a local clock."""
    return bool(_JSON.match(line))


def sees(feed: Declaration, beginning: Beginning) -> bool:
    """Whether a file's beginning, and its name where that is asked for, is as a feed says."""
    seen = feed.recognise
    name = seen.name if seen.name_only is True else seen.name_only or None
    if name is not None and beginning.name_has(name) is None:
        return False
    lines = beginning.lines
    if not lines or (seen.first and not re.match(seen.first, lines[0])):
        return False
    if feed.file.format == "json":
        return beginning.is_json and _has_keys(feed, beginning)
    if is_json(lines[0]):
        return False
    is_named = any(has_header(feed, line) for line in headers(feed, beginning))
    return is_named or has_fields(feed, beginning)


@dataclass(frozen=True)
class Likeness:
    """How near a header, an object or lines are to what tells a feed.

    `there`: how much of it is there; `lacks` and `extra`: names that the feed has and has not;
    `odd`: fields that are written otherwise; `expects`: the feed's delimiter, where it is another.
    """

    there: int
    lacks: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    expects: str | None = None

    @property
    def share(self) -> float:
        """The share of what tells the feed, 1 where nothing differs."""
        return self.there / ((self.there + len(self.lacks + self.extra + self.odd)) or 1)

    def __str__(self) -> str:
        told = {"has": self.lacks, "has no": self.extra, "writes": self.odd}
        said = [f"{verb} {', '.join(names[:_FEW])}" for verb, names in told.items() if names]
        said += [f"{said.pop()} otherwise"] if self.odd else []
        return " and ".join(said + ([f"expects `{self.expects}`"] if self.expects else []))


def _of_names(wanted: Mapping[str, str], found: set[str], extra: set[str]) -> Likeness:
    """Compare names; `wanted` has those that are looked for, each with its own spelling."""
    lacks = sorted(wanted[name] for name in wanted.keys() - found)
    return Likeness(len(wanted.keys() & found), tuple(lacks), tuple(sorted(extra)))


def like_header(feed: Declaration, line: str, delimiter: str | None = None) -> Likeness:
    """Compare a line with a feed's header, in any order, capitals or not."""
    seen = feed.recognise
    # a column without a name is the index of a data frame
    found = {name.lower() for name in names_of(feed, line, delimiter) if name}
    wanted = {name.lower(): name for name in seen.header}
    allowed = wanted.keys() | {name.lower() for name in seen.optional}
    like = _of_names(wanted, found, set() if seen.more else found - allowed)
    is_other = delimiter is not None and delimiter in line and delimiter != feed.file.delimiter
    return replace(like, expects=feed.file.delimiter) if is_other else like


def like_objects(
    feed: Declaration, beginning: Beginning, most: int | None = None
) -> Iterator[Likeness]:
    """Compare the first objects with each of a feed's lists of keys."""
    for _, document in json_lines.first_documents(beginning.source, feed.file.rows)[:most]:
        extra = set(feed.recognise.without) & set(document)
        for keys in feed.recognise.keys:
            yield _of_names({key: key for key in keys}, set(document), extra)


def like_pages(feed: Declaration, beginning: Beginning) -> Iterator[Likeness]:
    """Compare the first document with the pages that hold a feed's rows."""
    rows = feed.file.rows
    for _, page in json_lines.first_documents(beginning.source)[:1] if rows else ():
        wanted = {name: name for name in ((rows or "").rpartition(".")[2], *feed.recognise.page)}
        yield _of_names(wanted, set(page), set())


def like_rows(feed: Declaration, beginning: Beginning) -> Likeness:
    """Compare lines without a header: most have as many fields, and most of each are as it says."""
    patterns = feed.recognise.fields
    rows = [names_of(feed, line) for line in _without_comments(feed, beginning)]
    alike = [row for row in rows if len(row) == len(patterns)]
    if len(alike) < len(rows) * _MOST:
        return Likeness(0, odd=tuple(feed.file.names))
    columns = zip(feed.file.names, patterns, zip(*alike, strict=True), strict=True)
    odd = [
        name
        for name, pattern, texts in columns
        if sum(bool(re.fullmatch(pattern, text)) for text in texts) < len(alike) * _MOST
    ]
    return Likeness(len(patterns) - len(odd), odd=tuple(odd))


def lacks(feed: Declaration, beginning: Beginning) -> str | None:
    """Return why a file cannot be of the feed that a user named; None where it may be.

    A name or fields that the feed does not look at may be others.
    """
    if not beginning.lines:
        return None
    is_json_feed = feed.file.format == "json"
    return (_lacks_of_json if is_json_feed else _lacks_of_csv)(feed, beginning)


def require_own_names(known: Iterable[Declaration], beginning: Beginning) -> None:
    """Raise FileRejectedError where a file's lines are those of a feed, and its header another's.

    Columns that stand in another order would be read as each other.
    """
    for feed in sorted(known, key=lambda feed: not beginning.parts(feed)):
        line = foreign_header(feed, beginning)
        is_read_by_order = not (feed.recognise.header or feed.refuse)
        if line is not None and is_read_by_order and _most_fit(feed, beginning.below(1)):
            raise FileRejectedError(_of_other_names(feed, line))


def _of_other_names(feed: Declaration, line: str) -> str:
    return (
        f"its first line is `{line.strip()}`, and feed {feed.name} knows its columns by their"
        f" order, {feed.file.delimiter.join(feed.file.names)}: if they stand so, leave that line"
        " out: tail -n +2 FILE > NEW; else declare a feed that names them (docs/landing.md)"
    )


def _lacks_of_json(feed: Declaration, beginning: Beginning) -> str | None:
    if beginning.is_empty_list and not feed.file.rows:
        return None
    if not any("{" in line for line in beginning.lines):
        return "it holds no JSON object"
    if not feed.recognise.keys or _has_keys(feed, beginning):
        return None
    documents = [d for _, d in json_lines.first_documents(beginning.source, feed.file.rows) if d]
    if not documents:
        return f'it has no page with a list "{feed.file.rows}"' if feed.file.rows else None
    names = [document.get(name) for document in documents for name in feed.named_by]
    if any(isinstance(name, str) for name in names):
        return None  # messages of other kinds alone
    lacking = min((sorted(set(keys) - set(documents[0])) for keys in feed.recognise.keys), key=len)
    return f"it has no {_listed(lacking)} (its first object has {_listed(documents[0])})"


def _lacks_of_csv(feed: Declaration, beginning: Beginning) -> str | None:
    if feed.recognise.header:
        lacking = min((like_header(feed, line).lacks for line in headers(feed, beginning)), key=len)
        if not set(map(str.lower, feed.field_names)) & set(map(str.lower, lacking)):
            return None
        if not feed.file.names:
            return f"it has no {_listed(lacking)}"
    line = foreign_header(feed, beginning)
    if line is not None:
        return _of_other_names(feed, line)
    if any(fits(feed, line) for line in beginning.lines):
        return None
    return f"its lines are not {', '.join(feed.file.names)}"


def headers(feed: Declaration, beginning: Beginning) -> list[str]:
    """Return the lines that a header may stand in."""
    return beginning.lines if feed.file.sections else beginning.lines[:1]


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")


def names_of(feed: Declaration, line: str, delimiter: str | None = None) -> list[str]:
    """Return the names in a line, separated as a feed says; none where they cannot be told."""
    return text.names_in(line, delimiter or feed.file.delimiter, feed.file.header_until)


def _has_keys(feed: Declaration, beginning: Beginning) -> bool:
    if not feed.recognise.keys and _is_told_otherwise(feed, beginning):
        return True
    is_of_it = any(like.share == 1 for like in like_objects(feed, beginning))
    return is_of_it or _is_empty_page(feed, beginning)


def _is_empty_page(feed: Declaration, beginning: Beginning) -> bool:
    page, (before, _, name) = set(feed.recognise.page), (feed.file.rows or "").rpartition(".")
    return bool(page) and any(
        page <= set(document) and name in document and not document[name]
        for envelope, document in json_lines.first_documents(beginning.source)
        if not before or (envelope or {}).get(before) is document
    )


def has_header(feed: Declaration, line: str) -> bool:
    """Return whether a line has the names of a feed's header, and no others."""
    return bool(feed.recognise.header) and like_header(feed, line).share == 1


def has_fields(feed: Declaration, beginning: Beginning) -> bool:
    """Whether lines without a header have the fields of a feed; a few may be damaged."""
    return foreign_header(feed, beginning) is None and _most_fit(feed, beginning)


def _most_fit(feed: Declaration, beginning: Beginning) -> bool:
    if not feed.recognise.fields and not _is_told_otherwise(feed, beginning):
        return False
    lines = _without_comments(feed, beginning)
    right = [fits(feed, line) for line in lines[bool(lines) and names_fields(feed, lines[0]) :]]
    return bool(right) and sum(right) >= len(right) * _MOST


def _is_told_otherwise(feed: Declaration, beginning: Beginning) -> bool:
    """Whether a file of a feed that looks at no field of its lines has the name that is asked for.

    What the first line must be was looked at (`sees`).
    """
    seen = feed.recognise
    if seen.header or seen.keys or not (seen.name or seen.path or seen.first):
        return False
    has_name = not seen.name or beginning.name_has(seen.name) is not None
    return has_name and (not seen.path or beginning.path_has(seen.path) is not None)


def foreign_header(feed: Declaration, beginning: Beginning) -> str | None:
    """Return a first line of names alone that are not those of a feed's fields, in their order."""
    lines = _without_comments(feed, beginning)
    names = names_of(feed, lines[0]) if lines else []
    if not names or len(names) != len(feed.file.names) or not all(map(_NAME.fullmatch, names)):
        return None
    is_known = names_fields(feed, lines[0]) or has_header(feed, lines[0]) or fits(feed, lines[0])
    return None if is_known else lines[0]


def _without_comments(feed: Declaration, beginning: Beginning) -> list[str]:
    return [line for line in beginning.lines if not line.startswith(tuple(feed.file.comment))]


def names_fields(feed: Declaration, line: str) -> bool:
    """Return whether a line has the names of a feed's fields, in their order."""
    names = [name.lower() for name in feed.file.names]
    return bool(names) and [name.lower() for name in names_of(feed, line)] == names


def fits(feed: Declaration, line: str) -> bool:
    """Return whether a line without a header has the fields of a feed."""
    fields = text.names_in(line, feed.file.delimiter)
    patterns = feed.recognise.fields or [".*"] * len(feed.file.names)
    return len(fields) == len(patterns) and all(map(re.fullmatch, patterns, fields))
