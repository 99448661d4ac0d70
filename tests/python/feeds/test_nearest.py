"""A file that lacks one thing of a feed is told which feed comes nearest, whatever its layout."""

import gzip
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.detect_format import Wanted, detect_format
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.recognise import Beginning

HERE = Path(__file__).parent / "examples"
FEEDS = [feed for feed in feeds() if not feed.refuse]
ODD = "zzz"


def contents(feed: Declaration) -> Iterator[str]:
    """The texts of a feed's examples."""
    for path in (HERE / feed.name).glob("expected*.toml"):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        for name in said["files"] if said["kind"] == feed.kind else []:
            file = HERE / feed.name / name
            content = file.read_bytes()
            if file.suffix == ".zip":
                with ZipFile(file) as packed:
                    content = packed.read(packed.namelist()[0])
            elif file.suffix == ".gz":
                content = gzip.decompress(content)
            yield content.decode("utf-8", errors="replace")


def without_a_name(feed: Declaration, text: str) -> Iterator[str]:
    """Headers with another name for one that the feed asks for."""
    for name in feed.recognise.header:
        whole = rf"(?<![\w/.]){re.escape(name)}(?![\w.])"
        if re.search(whole, text):
            yield re.sub(whole, ODD, text)


def without_a_field(feed: Declaration, text: str) -> Iterator[str]:
    """Lines without a header, of which one field is written otherwise."""
    lines = [line.split(feed.file.delimiter) for line in text.splitlines()]
    for at in range(len(feed.recognise.fields)):
        changed = [[*line[:at], f"{ODD} {line[at]}", *line[at + 1 :]] for line in lines]
        yield "".join(feed.file.delimiter.join(line) + "\n" for line in changed)


def renamed(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {ODD if key == name else key: renamed(of, name) for key, of in value.items()}
    return [renamed(one, name) for one in value] if isinstance(value, list) else value


def without_a_key(feed: Declaration, text: str) -> Iterator[str]:
    """Objects with another name for a field that the feed asks for."""
    begins, lines = tuple(feed.file.comment), []
    for line in text.splitlines():
        at = min(line.find(brace) % (len(line) + 1) for brace in "[{") if feed.file.clock else 0
        lines.append((line, None) if line.startswith(begins) else (line[:at], line[at:]))
    for name in {name for keys in feed.recognise.keys for name in keys}:
        yield "".join(
            before + (json.dumps(renamed(json.loads(document), name)) if document else "") + "\n"
            for before, document in lines
        )


def refusals(feed: Declaration) -> Iterator[str]:
    for text in contents(feed):
        if feed.file.format == "json":
            changed = without_a_key(feed, text)
        elif any(name in text for name in feed.recognise.header):
            changed = without_a_name(feed, text)
        else:
            changed = without_a_field(feed, text)
        for content in changed:
            try:
                detect_format(Wanted(KINDS[feed.kind]), Beginning(content.encode(), "/a.txt"))
            except FileRejectedError as error:
                yield str(error)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_what_lacks_one_thing_of_a_feed_is_near_to_one(feed: Declaration) -> None:
    said = list(refusals(feed))
    assert [one for one in said if "feed" not in one] == []
    # another one may be as near or nearer, but not mostly; of two fields one is as good as none
    if all(len(keys) > 2 for keys in feed.recognise.keys):
        assert sum(feed.name in one for one in said) * 2 >= len(said)
