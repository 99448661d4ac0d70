"""What a person may have meant with a file that nobody can read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.feeds.text import split

_DATA = re.compile(r"[+-]?\d[\d.,:eETZ+ -]*|true|false", re.IGNORECASE)
_CLOSE = 0.75  # of a name to another one
_NEAR = 0.34  # of the names of two headers


def hints(names: Sequence[str], kind: Kind, known: Sequence[Declaration]) -> list[str]:
    """Return a sentence for each thing that the names of a file's fields suggest."""
    found = _of_delimiter(names)
    if found:
        return found
    if _is_data(names):
        return ["its first line is data, not a header"]
    lower = [name.lower() for name in names]
    others = [o.name for o in KINDS.values() if o is not kind and set(lower) <= set(o.column_names)]
    if others:
        return [f"its columns are those of {others[0]}: ingest land {others[0]}"]
    for name in lower:
        if name not in kind.column_names:
            close = difflib.get_close_matches(name, kind.column_names, 1, _CLOSE)
            found += [f"`{name}`: did you mean `{close[0]}`?"] if close else []
    return found[:3] + _nearest(lower, known)


def names_of(line: str) -> list[str]:
    """Return the fields of a line, none where it is no separated text."""
    try:
        return list(split(line))
    except FileRejectedError:
        return []


def _of_delimiter(names: Sequence[str]) -> list[str]:
    if len(names) != 1:
        return []
    for delimiter, shown in ((";", ";"), ("\t", "\\t"), ("|", "|")):
        if names[0].count(delimiter) > 1:
            return [f"it is separated by `{shown}`: --delimiter '{shown}', or a feed"]
    return []


def _is_data(names: Sequence[str]) -> bool:
    return any(_DATA.fullmatch(name) for name in names)


def _nearest(names: Sequence[str], known: Sequence[Declaration]) -> list[str]:
    """Name the feeds whose fields are nearest, and what tells the file from them."""
    scored = []
    for feed in known:
        fields = feed.recognise.header or [name for keys in feed.recognise.keys for name in keys]
        header = {name.lower() for name in fields}
        both = header & set(names)
        score = len(both) / len(header | set(names)) if header else 0.0
        scored.append((score, feed, header - set(names)))
    scored.sort(key=lambda one: one[0], reverse=True)
    return [
        f"nearest is feed {feed.name}"
        + (f", which has {', '.join(sorted(lacks)[:4])}" if lacks else "")
        + f": ingest feeds try {feed.name} FILE"
        for score, feed, lacks in scored[:1]
        if score >= _NEAR
    ]
