"""What readers and the log are told where rows cannot be live; models are stand-ins."""

import json
from types import SimpleNamespace

import duckdb
import pytest

from python_ingest.errors import FileRejectedError
from python_ingest.publication.live_models import LiveModels, Model, read_models
from python_ingest.publication.views import Relation
from python_ingest.serving import live_day
from python_ingest.serving.live_day import LIVE, LiveDay
from python_ingest.serving.spool_reader import SpoolReader

MODELS = LiveModels("trading", (Model(Relation("main", "orders"), "", "table", "", ()),))


class _Build:
    """Raises what it is told to while it lands or runs."""

    parts = ((),)
    lands: BaseException | None = None
    runs: BaseException | None = None

    def __init__(self, *_):
        pass

    def reads(self, kind):
        return True

    def land(self, segment, path):
        if self.lands:
            raise self.lands
        return 1

    def begin(self):
        pass

    def forget(self):
        pass

    def restate(self, part):
        if self.runs:
            raise self.runs

    def differences(self, wanted):
        return {}


class _Spool(SpoolReader):
    """One segment, until it is read."""

    def __init__(self, settings, *_):
        super().__init__(settings, set())
        self.waiting = [SimpleNamespace(name="a-ticks-1")]

    def unread(self):
        return [*self.waiting]

    def mark_read(self, segment):
        self.waiting.clear()


@pytest.fixture
def day(settings, monkeypatch):
    """Make a live day over a segment that lies in the spool, and what it tells."""
    rows = SimpleNamespace(
        kept_of=lambda part: [], show=lambda found: None, show_published=lambda: None
    )
    monkeypatch.setattr(live_day, "attached", lambda *_, **__: duckdb.connect())
    monkeypatch.setattr(live_day, "read_models", lambda *_: MODELS)
    monkeypatch.setattr(live_day, "LiveBuild", _Build)
    monkeypatch.setattr(live_day, "LiveRows", lambda *_: rows)
    monkeypatch.setattr(live_day, "SpoolReader", _Spool)
    settings.spool_dir.mkdir(parents=True, exist_ok=True)
    (settings.spool_dir / "a-ticks-1.parquet").touch()
    told = SimpleNamespace(engine=None, contents=set(), note={})
    return LiveDay(settings, told, None), told


def test_an_error_of_a_python_function_says_what_and_not_traceback(day, monkeypatch):
    live, told = day
    text = 'Traceback (most recent call last):\n  File "lots.py", line 1\nValueError: no such lot'
    monkeypatch.setattr(_Build, "runs", duckdb.InvalidInputException(text))
    live.follow()
    assert told.note[LIVE] == b"published rows: ValueError: no such lot"


def test_a_failing_model_is_told_without_values_in_the_log(day, monkeypatch, caplog):
    live, told = day
    with duckdb.connect() as connection, pytest.raises(duckdb.Error) as found:
        connection.execute("select '81234.5 of mine'::decimal(18, 2)")
    monkeypatch.setattr(_Build, "runs", found.value)
    live.follow()
    assert told.note[LIVE].startswith(b"published rows: ")
    assert b"81234.5 of mine" in told.note[LIVE]
    assert "as it was published: ConversionException" in caplog.text
    assert "81234.5" not in caplog.text


def test_rows_that_lack_a_segment_say_so(day, monkeypatch, caplog):
    live, told = day
    monkeypatch.setattr(_Build, "lands", FileRejectedError("it is not what was written"))
    live._is_stale = True
    live.follow()
    assert told.note[LIVE].startswith(b"as of ")
    assert told.note[LIVE].endswith(b"; without a-ticks-1")
    assert "a-ticks-1 is left out: it is not what was written" in caplog.text


@pytest.mark.parametrize("where", ["lands", "runs"])
def test_a_pass_that_closing_interrupted_is_no_failure(day, monkeypatch, caplog, where):
    live, _ = day
    monkeypatch.setattr(_Build, where, duckdb.InterruptException("INTERRUPT Error"))
    with pytest.raises(duckdb.InterruptException):
        live.follow()
    assert not caplog.text


@pytest.mark.parametrize("told", ["{}", '{"models": [{"relation": ["main", "orders"]}]}', "[1]"])
def test_models_of_another_version_leave_published_rows(told):
    """The server went on with the former publication, for ever."""
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as published; create schema published.internal")
        connection.execute("create table published.internal.live__models (told json)")
        connection.execute("insert into published.internal.live__models values (?)", [told])
        live = read_models(connection, "published")
    assert live.models == ()
    assert ("another version" in live.missing) is bool(json.loads(told))
