"""How the lines of a text lie: what separates their fields, and in which of them its header stands.

Spreadsheets and brokers write other separators than a vendor does, `sep=;`, and lines above the
header. Such a file is refused: the words say what was seen, and what to type.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.catalogue import source_of
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.lines import MAX_LINE, first_line, opened
from python_ingest.feeds.recognise import Beginning, fits, has_header, sees
from python_ingest.feeds.text import DELIMITERS

_BLOCK = 1 << 20
_ABOVE = 50  # lines that a header may stand below
_EXCEL = re.compile(r'"?sep=."?[,;|\s]*', re.IGNORECASE)
_BOM = "\ufeff"
_JQ = "(jq 1.7 or newer, which keeps all digits)"
_OPENS = ("{", "[", "[{", "[[")


@dataclass(frozen=True)
class Layout:
    """What separates fields, and where they begin: the number of the line, from 1.

    `above`: the first line that is not blank, where it is another one. `what`: whether a header
    stands in that line or a row; `names`: how many fields it has.
    """

    delimiter: str
    line: int
    above: str | None
    what: str
    names: int

    def differs(self, delimiter: str, what: str) -> list[str]:
        """Return what is odd about it, for who expects another delimiter."""
        said = []
        if self.delimiter != delimiter:
            separated = f"it is separated by {_shown(self.delimiter)}"
            said = [f"{separated}, and {what} expects {_shown(delimiter)}"]
        if self.above is not None:
            stands = f"its {self.what} stands in line {self.line}, below"
            is_excels = _EXCEL.fullmatch(self.above)
            said.append(
                f"{stands} `{self.above.strip()}`, which only spreadsheets read"
                if is_excels
                else f"{stands} lines that are none"
            )
        return said or ["a second byte order mark stands before its header"]

    def cut(self, delimiter: str) -> list[str]:
        """Return the command that leaves out what stands above, for who expects a delimiter."""
        if self.above is not None:
            return [f"tail -n +{self.line} FILE > NEW"]
        return ["tail -c +4 FILE > NEW"] if self.delimiter == delimiter else []


def _shown(delimiter: str) -> str:
    return "`\\t`" if delimiter == "\t" else f"`{delimiter}`"


def require_feeds_layout(
    feeds: Sequence[Declaration], beginning: Beginning, folder: Path | None, *, seen: bool = False
) -> None:
    """Raise FileRejectedError where a file has the header or lines of a feed, but lies otherwise.

    `seen`: it is of the feed as it lies, so that nothing else separates its fields.
    """
    found = [(feed, layout) for feed in feeds if (layout := _of_feed(feed, beginning))]
    if seen:
        found = [(feed, lies) for feed, lies in found if lies.delimiter == feed.file.delimiter]
    if found:
        _, best = max(found, key=lambda one: one[1].names)
        raise _refused([feed for feed, layout in found if layout == best], best, folder)


def require_canonical_layout(feed: Declaration, beginning: Beginning, *, said: bool) -> None:
    """Raise FileRejectedError where a file has a canonical header, but lies otherwise.

    `said`: a user says the delimiter.
    """
    found, expected = _of_feed(feed, beginning), feed.file.delimiter
    if found is None:
        return
    option = "" if found.delimiter == "," else f" --delimiter '{_shown(found.delimiter)[1:-1]}'"
    differs = found.differs(expected, "--delimiter" if said else "CSV")
    done = found.cut(expected)
    done += [f"ingest land {feed.kind} {'NEW' if done else 'FILE'}{option}"]
    raise FileRejectedError(f"{'; '.join(differs)}: {', then: '.join(done)}")


def _of_feed(feed: Declaration, beginning: Beginning) -> Layout | None:
    """Return how a file lies that would be of a feed if it lay otherwise; None for one that is."""
    seen, file = feed.recognise, feed.file
    has_names = file.format == "csv" and max(len(seen.header), len(seen.fields)) > 1
    if not has_names or not beginning.lines:
        return None
    is_of_it = sees(feed, beginning)
    if is_of_it and (file.sections or not seen.header or has_header(feed, beginning.lines[0])):
        return None
    found = _at(feed, beginning, rows=not is_of_it)
    if is_of_it:
        above = [line for number, line in beginning.numbered if found and number < found.line]
        # rows above a header are of files that were joined
        return None if any(fits(feed, line) for line in above) else found
    for delimiter in DELIMITERS:
        if found is None and delimiter != file.delimiter:
            changed = file.model_copy(update={"delimiter": delimiter})
            found = _at(feed.model_copy(update={"file": changed}), beginning, rows=True)
    return found


def _at(feed: Declaration, beginning: Beginning, *, rows: bool) -> Layout | None:
    """Return where the header of a feed stands, or, if asked, the first of its rows without one."""
    seen, delimiter = feed.recognise, feed.file.delimiter
    first_row = int(bool(_EXCEL.fullmatch(beginning.lines[0])))
    for at, (number, line) in enumerate(beginning.numbered[:_ABOVE]):
        is_header = bool(seen.header) and has_header(feed, line.removeprefix(_BOM))
        is_row = rows and bool(seen.fields) and at == first_row and fits(feed, line)
        if (is_header or is_row) and sees(feed, beginning.below(at)):
            above = beginning.lines[0] if at and not feed.file.sections else None
            what, names = ("header", seen.header) if is_header else ("first row", seen.fields)
            return Layout(delimiter, number, above, what, len(names))
    return None


def _refused(feeds: list[Declaration], found: Layout, folder: Path | None) -> FileRejectedError:
    """Return what is said of a file of some feed, or of one of several."""
    landed = [feed for feed in feeds if not feed.refuse]
    if not landed:
        return FileRejectedError(f"{feeds[0].refuse} (feed {feeds[0].name})")
    feed, names = landed[0], " or ".join(dict.fromkeys(feed.name for feed in landed))
    said = found.differs(feed.file.delimiter, f"feed {names}")
    done, name = found.cut(feed.file.delimiter), feed.name
    file = "NEW" if done else "FILE"
    source = source_of(feed, folder)
    if found.delimiter != feed.file.delimiter and source.parent == folder:
        done.append(f'say delimiter = "{_shown(found.delimiter)[1:-1]}" of file in {source}')
    elif found.delimiter != feed.file.delimiter:
        name = f"{feed.name}-{DELIMITERS[found.delimiter]}"
        place = (folder or Path("DATA_DIR", "feeds")) / f"{name}.toml"
        lines = (
            f'name = "{name}"',
            f'like = "{source.stem}"',
            f'file.delimiter = "{_shown(found.delimiter)[1:-1]}"',
        )
        done += [f"declare it in {place}, in three lines: {', '.join(lines)}"]
    done += [f"ingest feeds try {name} {file}"]
    return FileRejectedError(f"{'; '.join(said)}: {', then: '.join(done)}")


def require_a_document_a_line(beginning: Beginning, known: Sequence[Declaration]) -> None:
    """Raise FileRejectedError where a JSON document stands in several lines, or in one too long.

    `known`: the feeds that may tell which list a page holds.
    """
    first = beginning.lines[0].strip() if beginning.lines else ""
    if not first.startswith(("{", "[")):
        return
    is_list = first.startswith("[")
    if _is_too_long(beginning):
        what = "list" if is_list else "document"
        raise FileRejectedError(
            f"it is one JSON {what} in a line of more than {MAX_LINE:,} bytes, and a line may have"
            f" no more: {_shorter(first, is_list=is_list, known=known)}"
        )
    if len(beginning.lines) == 1 and is_cut_off(first_line(beginning.source)):
        raise FileRejectedError(
            "its only line is a JSON document that does not end: it is cut off; fetch it again"
        )
    if _is_spread(beginning):
        how = "jq -c '.[]' FILE > NEW" if is_list else "jq -c . FILE > NEW"
        raise FileRejectedError(
            f"it is one JSON document over several lines; write one object a line: {how} {_JQ}"
        )


def _is_too_long(beginning: Beginning) -> bool:
    """Whether there is one line alone, of more bytes than are read at once."""
    with opened(beginning.source) as file:
        for _ in range(beginning.numbered[0][0] - 1):
            file.readline()
        if len(file.readline(MAX_LINE + 1)) <= MAX_LINE:
            return False
        rest = b""
        while block := file.read(_BLOCK):
            rest = block.partition(b"\n")[2] if b"\n" in block else b""
            if rest.strip():
                return False
            if b"\n" in block:
                return not file.read(_BLOCK).strip()
    return True


def _shorter(first: str, *, is_list: bool, known: Sequence[Declaration]) -> str:
    if is_list:
        return f"write one object a line: jq -c '.[]' FILE > NEW {_JQ}"
    for path in dict.fromkeys(feed.file.rows for feed in known if feed.file.rows):
        if re.search(rf'"{re.escape(path.rpartition(".")[2])}"\s*:\s*\[', first):
            rows = f".{path}"
            cut = f"range(0; {rows} | length; 1000) as $n | {rows} |= .[$n:$n + 1000]"
            return f"fetch smaller pages, or cut it: jq -c '{cut}' FILE > NEW {_JQ}"
    return "fetch smaller pages"


def _is_spread(beginning: Beginning) -> bool:
    """Whether the first line begins a document that the lines after it go on with."""
    lines = beginning.lines
    first = lines[0].strip()
    if len(lines) == 1 or _is_whole(first):
        return False
    if first in _OPENS or _is_whole("\n".join(lines)):
        return True
    return first.endswith((",", "{", "[", ":")) and not _is_whole(lines[1])


def is_cut_off(text: str) -> bool:
    """Whether a JSON document ends before all that it opens is closed."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    opens = sum(map(bare.count, "{["))
    return '"' in bare or opens > sum(map(bare.count, "}]"))


def _is_whole(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
