"""What the live page keeps, and for how long."""

import base64
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from python_ingest.errors import QueryError
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


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (KeyError("81234.5 of mine"), 500, "ingest serve failed (KeyError); its log says where"),
        (QueryError("no room for it"), 503, "no room for it"),
        (OSError(), 503, "OSError"),
    ],
)
def test_a_page_that_fails_says_so_to_the_browser_and_in_the_log(error, status, says, caplog):
    class Failing:
        def answer(self, *_: str) -> str:
            raise error

    server = live_page.PageServer(0, "secret", Failing())
    server.start()
    try:
        given = base64.b64encode(b"any:secret").decode()
        asked = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        asked.request("GET", "/live", headers={"Authorization": f"Basic {given}"})
        answer = asked.getresponse()
        told = answer.status, json.loads(answer.read())
        asked.close()
    finally:
        server.close()
    assert told == (status, {"error": says})
    assert ("KeyError" in caplog.text) is (status == 500)
    assert "81234.5" not in caplog.text
