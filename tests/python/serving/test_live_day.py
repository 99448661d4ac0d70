"""What readers and the log are told where rows cannot be live; models are stand-ins."""

import json
import threading
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

    models = later = ()
    lands: BaseException | None = None
    runs: BaseException | None = None

    def __init__(self, *_):
        self.first = self

    def reads(self, kind):
        return True

    def land(self, segment, path):
        if self.lands:
            raise self.lands
        return 1

    def begin(self):
        pass

    begin_later = end_later = begin

    def restate(self):
        if self.runs:
            raise self.runs

    def differences(self, wanted):
        return {}


class _Both(_Build):
    """Has a part of trading's besides, during which something else may happen."""

    meanwhile = None
    trading_runs: BaseException | None = None

    def __init__(self, *_):
        super().__init__()
        trading = SimpleNamespace(models=(), restate=self._run)
        trading.differences = lambda wanted: "trading's"
        self.later = [trading]
        self.is_begun = False

    def differences(self, wanted):
        return "the market's"

    def begin_later(self):
        assert not self.is_begun
        self.is_begun = True

    def end_later(self):
        self.is_begun = False

    def _run(self):
        if self.meanwhile:
            self.meanwhile()
        if self.trading_runs:
            raise self.trading_runs


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


@pytest.fixture
def both(day, monkeypatch):
    """Make a live day of two parts, what it tells, and what readers see, newest last."""
    live, told = day
    live._build = _Both()
    shown = live._rows.shown = []
    live._rows.show = shown.append
    live._rows.show_published = lambda: shown.append("published")
    live._shown = ["as published"] * 2
    live.follow()
    assert shown == ["the market's", "trading's"]
    assert told.note[LIVE].startswith(b"as of ")
    assert b"trading" not in told.note[LIVE]
    shown.clear()
    return live, told, shown


def _arrives(live):
    live._spool.waiting.append(SimpleNamespace(name="a-ticks-1"))
    live.follow_market()


def _fails(live, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_Both, "runs", duckdb.OutOfMemoryException("no room"))
        _arrives(live)


def test_trading_that_ends_after_the_market_has_failed_is_not_shown(both, monkeypatch):
    live, told, shown = both
    _arrives(live)
    live._build.meanwhile = lambda: _fails(live, monkeypatch)
    live.follow_trading()
    assert shown == ["the market's", "published"]
    assert told.note[LIVE] == b"published rows: no room"
    live._build.meanwhile = None
    live.follow()  # nothing has arrived
    assert told.note[LIVE] == b"published rows: no room"
    _arrives(live)
    assert told.note[LIVE].startswith(b"as of ")
    assert b"; trading as published" in told.note[LIVE]
    live.follow_trading()
    assert shown[2:] == ["the market's", "trading's"]
    assert b"trading" not in told.note[LIVE]


def test_trading_is_not_begun_after_the_market_has_failed(both, monkeypatch):
    live, _, shown = both
    _arrives(live)
    _fails(live, monkeypatch)
    live.follow_trading()
    assert shown == ["the market's", "published"]


@pytest.mark.parametrize("is_newer", [False, True])
def test_trading_that_fails_takes_the_market_with_it(both, is_newer):
    """What had arrived by then is shown as soon as it may be."""
    live, told, shown = both
    _arrives(live)
    live._build.trading_runs = duckdb.OutOfMemoryException("no room")
    live._build.meanwhile = lambda: is_newer and _arrives(live)
    live.follow_trading()
    assert shown == ["the market's"] * (1 + is_newer) + ["published"]
    assert told.note[LIVE] == b"published rows: no room"
    live._build.trading_runs = live._build.meanwhile = None
    shown.clear()
    live.follow()
    assert shown == (["the market's", "trading's"] if is_newer else [])
    _arrives(live)
    live.follow()
    assert shown[-2:] == ["the market's", "trading's"]
    assert told.note[LIVE].startswith(b"as of ")


def test_trading_follows_each_pass_once(both):
    live, _, shown = both
    live.follow()
    assert shown == []
    live._build.meanwhile = lambda: len(shown) < 3 and _arrives(live)
    _arrives(live)
    live.follow_trading()
    assert shown == ["the market's", "the market's", "trading's"]
    live.follow_trading()
    live.follow_trading()
    assert shown[3:] == ["trading's"]


def test_a_day_that_readers_have_left_ends_its_parts_without_a_word(both, caplog):
    live, _, shown = both
    interrupted = threading.Event()
    live._build.interrupt = interrupted.set
    live._build.close = lambda: None

    def runs_until_interrupted():
        closing.start()
        assert interrupted.wait(60)

    live._build.meanwhile = runs_until_interrupted
    live._build.trading_runs = duckdb.InterruptException("INTERRUPT Error")
    closing = threading.Thread(target=live.close, daemon=True)
    _arrives(live)
    live.follow_trading()
    closing.join(60)
    assert not closing.is_alive()
    live.follow()
    assert shown == ["the market's"]
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
