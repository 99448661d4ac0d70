"""What a person may have meant with a file that nobody can read."""

import difflib
import re
from collections.abc import Iterator, Sequence

from python_ingest.feeds import json_lines, text
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.feeds.lines import first_line
from python_ingest.feeds.recognise import (
    Beginning,
    Likeness,
    has_fields,
    headers,
    like_header,
    like_objects,
    like_pages,
    like_rows,
)
from python_ingest.feeds.text import DELIMITERS

_DATA = re.compile(r"[+-]?\d[\d.,:eETZ+ -]*|true|false", re.IGNORECASE)
_CLOSE = 0.75  # of a name to another one
_NEAR = 0.5  # of what tells a feed
_UNQUOTE = """sed -E 's/^"|"\\r?$//g; s/""/"/g'"""
_LOOKED_AT = 20  # objects


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
    if any(map(_DATA.fullmatch, names)):
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
    return text.names_in(first_line(beginning.source), delimiter)


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


def nearest(beginning: Beginning, known: Sequence[Declaration]) -> list[str]:
    """Name the feed that a file is nearest to, or those that are as near, and what differs."""
    near = [(like, feed) for feed in known for like in _likenesses(feed, beginning)]
    near = [one for one in near if one[0].share >= _NEAR]
    if not near:
        return []
    best = max(map(_rank, near))
    alike = [one for one in near if _rank(one) == best]
    like, feed = min(alike, key=lambda one: one[1].refuse is not None)
    which = f"{feed.name}, which {like}" if str(like) else feed.name
    if feed.refuse:
        return [f"nearest is feed {which}, and such files are refused: {feed.refuse}"]
    names = dict.fromkeys(one.name for other, one in alike if other == like and not one.refuse)
    which = " or ".join(names) + which.removeprefix(feed.name)
    return [f"nearest is feed {which}: ingest feeds try {feed.name} FILE"]


def _rank(one: tuple[Likeness, Declaration]) -> tuple[float, bool, int]:
    like, feed = one
    # what the first line must be tells more than any field
    return like.share, feed.recognise.first is not None, like.there


def _likenesses(feed: Declaration, beginning: Beginning) -> Iterator[Likeness]:
    seen = feed.recognise
    if not beginning.lines or (seen.first and not re.match(seen.first, beginning.lines[0])):
        return
    if (feed.file.format == "json") != beginning.is_json:
        return
    if beginning.is_json:
        yield from like_objects(feed, beginning, _LOOKED_AT)
        yield from like_pages(feed, beginning)
        return
    for line in headers(feed, beginning) if seen.header else ():
        for delimiter in (feed.file.delimiter, *DELIMITERS):
            yield like_header(feed, line, delimiter)
    if seen.fields:
        yield like_rows(feed, beginning)
