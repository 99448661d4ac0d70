"""What the live page keeps, and for how long."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from python_ingest.reporting import live_page


def test_what_is_as_published_is_of_the_publication_that_answers(monkeypatch, tmp_path):
    """The file is replaced at once; the server answers from the former one until it has read it."""
    file, answering = tmp_path / "trading.duckdb", "first"
    file.write_text("first")

    @contextmanager
    def reader() -> Iterator[live_page.Served]:
        yield live_page.Served(lambda *_: [{"at": answering}], "as of now")

    def standing(ask, *_: object) -> dict[str, str]:
        ((row),) = ask("", {})
        return {"facts": row["at"]}

    monkeypatch.setattr(live_page.figures, "series", lambda *_: [])
    monkeypatch.setattr(live_page, "standing", standing)
    monkeypatch.setattr(live_page, "standing_parts", lambda parts: parts)
    for name in ("moving", "moving_parts", "drawn"):
        monkeypatch.setattr(live_page, name, lambda *_: {})
    report = live_page.LiveReport(reader, file)

    def facts() -> str:
        return json.loads(report.answer("", "", ""))["parts"]["facts"]

    assert facts() == "first"
    os.utime(file, ns=(1, 1))  # the second one is there
    assert facts() == "first"
    answering = "second"
    assert facts() == "second"
