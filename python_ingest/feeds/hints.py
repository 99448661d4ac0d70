"""What a person may have meant with a file that nobody can read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from python_ingest.errors import FileRejectedError
from python_ingest.feeds import json_lines
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.feeds.lines import first_line
from python_ingest.feeds.recognise import Beginning, has_fields, header_names
from python_ingest.feeds.text import DELIMITERS, split

_DATA = re.compile(r"[+-]?\d[\d.,:eETZ+ -]*|true|false", re.IGNORECASE)
_CLOSE = 0.75  # of a name to another one
_NEAR = 0.5  # of what tells a feed
_MOST = 2 / 3  # of the lines, which may have a damaged one among them
_UNQUOTE = """sed -E 's/^"|"\\r?$//g; s/""/"/g'"""
_SHOWN = 4  # names in a hint
_LOOKED_AT = 20  # objects


@dataclass(frozen=True)
class _Likeness:
    """How near a file is to a feed: the share of what tells it, how much that is, what differs."""

    share: float
    there: int
    differs: str = ""


def hints(
    beginning: Beginning, kind: Kind, known: Sequence[Declaration], delimiter: str = ","
) -> list[str]:
    """Return a sentence for each thing that the fields of a file suggest.

    `delimiter`: what a user says that separates them.
    """
    names = names_in(beginning, delimiter)
    # one whose lines it has is offered by --format
    others = [feed for feed in known if not has_fields(feed, beginning)]
    return (_of_names(names, kind) if names else [])[:3] + nearest(beginning, others)


def _of_names(names: Sequence[str], kind: Kind) -> list[str]:
    found = _of_delimiter(names)
    if found:
        return found
    if _is_data(names):
        return ["its first line is data, not a header"]
    lower = [name.lower() for name in names]
    others = [o.name for o in KINDS.values() if o is not kind and set(lower) <= set(o.column_names)]
    if others and len(lower) > 1:
        return [f"its columns are those of {others[0]}: ingest land {others[0]}"]
    for name in lower:
        if name not in kind.column_names:
            close = difflib.get_close_matches(name, kind.column_names, 1, _CLOSE)
            found += [f"`{name}`: did you mean `{close[0]}`?"] if close else []
    return found


def names_in(beginning: Beginning, delimiter: str = ",") -> list[str]:
    """Return the names of a file's fields: of its header, or of its first object."""
    if beginning.is_json:
        documents = json_lines.first_documents(beginning.source)
        return list(documents[0][1]) if documents else []
    return names_of(first_line(beginning.source), delimiter)


def names_of(line: str, delimiter: str = ",") -> list[str]:
    """Return the fields of a line, none where it is no separated text."""
    try:
        return list(split(line, delimiter))
    except FileRejectedError:
        return []


def _of_delimiter(names: Sequence[str]) -> list[str]:
    if len(names) != 1:
        return []
    for delimiter in DELIMITERS:
        if names[0].count(delimiter) > 1 and delimiter == ",":
            return [f"each line is one quoted text: take the quotes away, {_UNQUOTE} FILE > NEW"]
        if names[0].count(delimiter) > 1:
            shown = "\\t" if delimiter == "\t" else delimiter
            return [f"it is separated by `{shown}`: --delimiter '{shown}', or a feed"]
    return []


def _is_data(names: Sequence[str]) -> bool:
    return any(_DATA.fullmatch(name) for name in names)


def nearest(beginning: Beginning, known: Sequence[Declaration]) -> list[str]:
    """Name the feed that a file is nearest to, or those that are as near, and what differs."""
    scored = [(like, feed) for feed in known for like in _likenesses(feed, beginning)]
    scored = [one for one in scored if one[0].share >= _NEAR]
    if not scored:
        return []
    best = max(scored, key=lambda one: (one[0].share, one[0].there, not one[1].refuse))[0]
    alike = [feed for like, feed in scored if like == best]
    names = list(dict.fromkeys(f.name for f in alike if not f.refuse)) or [alike[0].name]
    which = f", which {best.differs}" if best.differs else ""
    if alike[0].refuse and len(names) == 1 and names[0] == alike[0].name:
        return [f"nearest is feed {names[0]}{which}, and such files are refused: {alike[0].refuse}"]
    return [f"nearest is feed {' or '.join(names)}{which}: ingest feeds try {names[0]} FILE"]


def _likenesses(feed: Declaration, beginning: Beginning) -> Iterator[_Likeness]:
    first = feed.recognise.first
    if not beginning.lines or (first and not re.match(first, beginning.lines[0])):
        return
    if (feed.file.format == "json") != beginning.is_json:
        return
    if beginning.is_json:
        yield from _of_objects(feed, beginning)
        return
    if feed.recognise.header:
        yield from _of_headers(feed, beginning)
    if feed.recognise.fields:
        yield _of_fields(feed, beginning)


def _of_headers(feed: Declaration, beginning: Beginning) -> Iterator[_Likeness]:
    seen = feed.recognise
    for line in beginning.lines if feed.file.sections else beginning.lines[:1]:
        known = {name.lower() for name in (*seen.header, *seen.optional)}
        for delimiter in (feed.file.delimiter, *DELIMITERS):
            found = {name.lower() for name in header_names(feed, line, delimiter)}
            extra = set() if seen.more or feed.file.sections else found - known
            like = _of_sets({name.lower() for name in seen.header}, found, extra)
            if delimiter != feed.file.delimiter and delimiter in line:
                expects = f"expects `{feed.file.delimiter}`"
                like = replace(like, differs=" and ".join(filter(None, (like.differs, expects))))
            yield like


def _of_objects(feed: Declaration, beginning: Beginning) -> Iterator[_Likeness]:
    rows = feed.file.rows
    for _, document in json_lines.first_documents(beginning.source, rows)[:_LOOKED_AT]:
        for keys in feed.recognise.keys:
            like = _of_sets(set(keys), set(document), set(feed.recognise.without) & set(document))
            # what the first line must be tells more than any field
            yield replace(like, there=like.there + len(keys) * bool(feed.recognise.first))
    for _, page in json_lines.first_documents(beginning.source)[:1] if rows else ():
        name = (rows or "").rpartition(".")[2]
        yield _of_sets({name, *feed.recognise.page}, set(page), set())


def _of_sets(wanted: set[str], found: set[str], extra: set[str]) -> _Likeness:
    lacks, there = wanted - found, len(wanted & found)
    told = [f"has {', '.join(sorted(lacks)[:_SHOWN])}"] if lacks else []
    shown = [name or "column without a name" for name in sorted(extra)]
    told += [f"has no {', '.join(shown[:_SHOWN])}"] if extra else []
    return _Likeness(there / (len(wanted) + len(extra)), there, " and ".join(told))


def _of_fields(feed: Declaration, beginning: Beginning) -> _Likeness:
    """How near lines without a header are: in as many fields, most of which are as they should."""
    patterns, comment = feed.recognise.fields, tuple(feed.file.comment)
    lines = [line for line in beginning.lines if not line.startswith(comment)]
    rows = [header_names(feed, line) for line in lines]
    alike = [row for row in rows if len(row) == len(patterns)]
    if len(alike) < len(rows) * _MOST:
        return _Likeness(0, 0)
    fits = [
        sum(bool(re.fullmatch(pattern, row[at])) for row in alike) >= len(alike) * _MOST
        for at, pattern in enumerate(patterns)
    ]
    odd = [name for name, fit in zip(feed.file.names, fits, strict=True) if not fit]
    written = f"writes {', '.join(odd[:_SHOWN])} otherwise" if odd else ""
    return _Likeness(sum(fits) / len(fits), sum(fits), written)
