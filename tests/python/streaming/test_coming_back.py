"""A stream comes back after what ends a connection, and tells every time without one."""

import asyncio
import io
import json
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from itertools import repeat
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from python_ingest.errors import IngestError
from python_ingest.landing.land import LandingResult
from python_ingest.landing.report import spool_records
from python_ingest.landing.spool import Segment
from python_ingest.settings import Settings, load_settings
from python_ingest.streaming import command
from python_ingest.streaming import stream as streaming
from python_ingest.streaming.exchanges import EXCHANGES
from python_ingest.streaming.stream import Stream, Totals

Handler = Callable[[ServerConnection, int], Awaitable[None]]
Answer = Callable[[ServerConnection, int], Response | None]
HELLO = ('[{"T":"success","msg":"connected"}]', '[{"T":"success","msg":"authenticated"}]')


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")})


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing, neither between connections nor for landing: what is spooled tells."""
    monkeypatch.setattr(streaming, "_LONGEST_WAIT", 0.01)
    done = LandingResult("", "", "landed")
    monkeypatch.setattr(streaming, "land_one", lambda *_: done)
    original = streaming.connect

    def connect(*arguments: Any, **more: Any) -> Any:
        connections = original(*arguments, **more)
        connections.reconnect_delays = lambda: repeat(0.01)  # type: ignore[method-assign,assignment,return-value]
        return connections

    monkeypatch.setattr(streaming, "connect", connect)


class Case:
    """A stream of a server that answers the n-th call with `handler`, or refuses it in HTTP."""

    def __init__(
        self, settings: Settings, exchange: str, handler: Handler, answer: Answer | None = None
    ) -> None:
        self.settings = settings
        self.exchange = exchange
        self.handler = handler
        self.answer = answer
        self.said: list[str] = []
        self.enough = asyncio.Event()
        self.go_on = threading.Event()

    def run(self, until: Callable[[Stream], bool] | None = None) -> Totals:
        """Stream until the handler says so, and `until` holds."""
        return asyncio.run(self._run(until or (lambda stream: True)))

    async def _run(self, until: Callable[[Stream], bool]) -> Totals:
        calls = handled = 0

        def process(connection: ServerConnection, request: Request) -> Response | None:
            nonlocal calls
            calls += 1
            return self.answer(connection, calls) if self.answer else None

        async def handle(connection: ServerConnection) -> None:
            nonlocal handled
            handled += 1
            await self.handler(connection, handled)

        async with serve(handle, "127.0.0.1", 0, process_request=process) as server:
            stream = Stream(
                self.settings,
                EXCHANGES[self.exchange],
                ["B"],
                url=f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}",
                max_seconds=0.02,
                say=self.said.append,
            )
            running = asyncio.create_task(stream.run())
            async with asyncio.timeout(60):
                while not running.done() and not (self.enough.is_set() and until(stream)):
                    await asyncio.sleep(0.01)
            stream.stop()
            return await asyncio.wait_for(running, 60)


def trade(number: int) -> str:
    return json.dumps(
        {"e": "trade", "s": "B", "t": number, "p": "1.5", "q": "1", "T": 1672515782136}
    )


def alpaca_trade(number: int) -> str:
    one = {"T": "t", "i": number, "S": "B", "x": "D", "p": 1.5, "s": 1, "c": ["@"], "z": "C"}
    return json.dumps([{**one, "t": "2021-02-22T15:51:44.208Z"}])


async def greet_alpaca(connection: ServerConnection) -> None:
    for hello in HELLO:
        await connection.send(hello)
        await connection.recv()


def gaps(settings: Settings) -> list[dict[str, Any]]:
    logs = str(settings.spool_dir / "*-logs-*.parquet")
    rows = duckdb.execute(f"select data from '{logs}' where event = 'stream_gap'").fetchall()
    return [json.loads(data) for (data,) in rows]


@pytest.mark.parametrize("status", [403, 418, 429, 521, 200])
def test_a_refusal_in_http_ends_no_stream_that_was_connected(
    settings: Settings, status: int
) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))
        if number == 2:
            case.enough.set()
            await connection.wait_closed()

    def answer(connection: ServerConnection, call: int) -> Response | None:
        if call not in (2, 3):
            return None
        return Response(status, "as it is", Headers({"Content-Length": "0", "Connection": "close"}))

    case = Case(settings, "binance", handler, answer)
    totals = case.run(lambda stream: stream.totals.frames == 2)
    assert (totals.connections, totals.frames, totals.gaps) == (2, 2, 1)


def test_too_many_calls_end_no_stream_before_its_first_connection(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))
        case.enough.set()
        await connection.wait_closed()

    def answer(connection: ServerConnection, call: int) -> Response | None:
        return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "") if call == 1 else None

    case = Case(settings, "binance", handler, answer)
    assert case.run(lambda stream: stream.totals.frames == 1).gaps == 0


def test_a_first_refusal_in_http_is_one_clear_line(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        raise AssertionError

    case = Case(settings, "binance", handler, lambda c, n: c.respond(HTTPStatus.NOT_FOUND, ""))
    with pytest.raises(IngestError, match="HTTP 404"):
        case.run()


@pytest.mark.parametrize(
    "said",
    [
        '[{"T":"error","code":406,"msg":"connection limit exceeded"}]',
        '[{"T":"error","code":500,"msg":"internal error"}]',
        "<html>maintenance</html>",
    ],
)
def test_a_refusal_on_coming_back_is_tried_again(settings: Settings, said: str) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        if number in (2, 3):
            await connection.send(said)
            return
        await greet_alpaca(connection)
        await connection.send(alpaca_trade(number))
        if number == 4:
            case.enough.set()
            await connection.wait_closed()

    case = Case(settings, "alpaca", handler)
    totals = case.run(lambda stream: stream.totals.frames == 2)
    assert (totals.connections, totals.frames, totals.gaps) == (2, 2, 1)
    assert any("trying again: Alpaca" in said for said in case.said)


def test_a_server_that_says_nothing_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_GREETING_SECONDS", 0.1)

    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.wait_closed()

    with pytest.raises(IngestError, match="says nothing: is the address right"):
        Case(settings, "alpaca", handler).run()


def test_a_refused_subscription_is_one_clear_line(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await greet_alpaca(connection)
        await connection.send('[{"T":"error","code":405,"msg":"symbol limit exceeded"}]')
        await connection.wait_closed()

    with pytest.raises(IngestError, match=r"symbol limit exceeded \(code 405\)"):
        Case(settings, "alpaca", handler).run()


def test_a_subscription_that_is_refused_on_coming_back_is_tried_again(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await greet_alpaca(connection)
        if number == 2:
            await connection.send('[{"T":"error","code":500,"msg":"internal error"}]')
            await connection.wait_closed()
            return
        await connection.send(alpaca_trade(number))
        if number == 3:
            case.enough.set()
            await connection.wait_closed()

    case = Case(settings, "alpaca", handler)
    totals = case.run(lambda stream: stream.totals.frames == 3)
    assert (totals.connections, totals.gaps) == (3, 2)


def test_a_time_without_a_connection_is_a_gap_also_where_no_frame_came_before_it(
    settings: Settings,
) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        if number == 2:
            await connection.send(trade(1))
            case.enough.set()
            await connection.wait_closed()

    case = Case(settings, "binance", handler)
    assert case.run(lambda stream: stream.totals.frames == 1).gaps == 1
    assert len(gaps(settings)) == 1


def test_a_stream_that_is_stopped_while_it_is_away_tells_the_gap(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))

    def answer(connection: ServerConnection, call: int) -> Response | None:
        if call == 1:
            return None
        case.enough.set()
        return connection.respond(HTTPStatus.BAD_GATEWAY, "")

    case = Case(settings, "binance", handler, answer)
    totals = case.run(lambda stream: stream.totals.frames == 1)
    assert (totals.connections, totals.gaps) == (1, 1)
    (gap,) = gaps(settings)
    assert gap["from"] < gap["to"]


def test_a_stream_that_is_stopped_while_it_receives_tells_no_gap(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))
        case.enough.set()
        await connection.wait_closed()

    case = Case(settings, "binance", handler)
    assert case.run(lambda stream: stream.totals.frames == 1).gaps == 0


def test_a_gap_that_comes_while_others_cannot_be_kept_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = spool_records
    refused = False

    def refuse_once(settings: Settings, records: list[Any]) -> Any:
        nonlocal refused
        if not refused:
            refused = True
            case.go_on.wait(60)  # until another gap is told
            raise OSError("no room")
        return original(settings, records)

    monkeypatch.setattr(streaming, "spool_records", refuse_once)

    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))
        if number == 2:
            while not refused:
                await asyncio.sleep(0.01)
        if number == 3:
            case.enough.set()
            await connection.wait_closed()

    case = Case(settings, "binance", handler)

    def two_gaps(stream: Stream) -> bool:
        if stream.totals.gaps == 2:
            case.go_on.set()
        return stream.totals.frames == 3

    assert case.run(two_gaps).gaps == 2
    assert len(gaps(settings)) == 2


def test_a_gap_that_cannot_be_kept_at_the_end_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: Settings, records: list[Any]) -> Any:
        raise OSError("no room")

    monkeypatch.setattr(streaming, "spool_records", refuse)

    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))
        if number == 2:
            case.enough.set()
            await connection.wait_closed()

    case = Case(settings, "binance", handler)
    with pytest.raises(IngestError, match="1 gaps could not be made durable"):
        case.run(lambda stream: stream.totals.frames == 2)


def test_the_waits_between_connections_grow_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_LONGEST_WAIT", 30.0)
    waits = [streaming._wait_before(number, after_frames=False) for number in range(5)]
    assert waits == [0, 0, 0.1, 0.2, 0.4]
    assert streaming._wait_before(1_000_000, after_frames=False) == 30
    assert streaming._wait_before(1_000_000, after_frames=True) == 2


def test_a_server_that_says_one_thing_and_hangs_up_is_not_called_in_a_tight_loop(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def wait_before(short_lived: int, *, after_frames: bool) -> float:
        assert after_frames
        asked.append(short_lived)
        return 0.0

    monkeypatch.setattr(streaming, "_wait_before", wait_before)

    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(trade(number))
        if number == 4:
            case.enough.set()
            await connection.wait_closed()

    case = Case(settings, "binance", handler)
    case.run(lambda stream: stream.totals.frames == 4)
    assert asked[:3] == [1, 2, 3]


def test_what_one_segment_waits_for_does_not_hide_what_another_one_does(
    settings: Settings,
) -> None:
    stream = Stream(settings, EXCHANGES["binance"], ["B"], url="ws://127.0.0.1:1")
    segment = Segment("1-ticks-1", "ticks", "a", "1", "f", False, {})
    failed = LandingResult("a", "ticks", "failed", error="damaged")
    busy = LandingResult("a", "ticks", "spooled", error="held", may_pass=True)
    stream._count(segment, failed)
    stream._count(segment, busy)
    stream._writer.close()
    assert (stream.totals.waiting, stream.totals.trouble, stream.totals.busy) == (
        2, "damaged", False,
    )  # fmt: skip


class _Full(io.StringIO):
    """Standard error that goes to a file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("connections", [0, 1])
def test_the_command_says_whether_it_was_ever_connected(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    connections: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And that nothing can be told of what goes wrong ends nothing."""

    class Told(Stream):
        async def run(self) -> Totals:
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stderr", _Full())
                self._complain("cannot spool, trying again: no room")
            self._writer.close()
            return Totals(connections=connections)

    monkeypatch.setattr(command, "load_settings", lambda: settings)
    monkeypatch.setattr(command, "Stream", Told)
    code = 0
    try:
        command.stream("binance", "B", "ws://127.0.0.1:1")
    except typer.Exit as ended:
        code = ended.exit_code
    assert code == (0 if connections else 1)
    assert capsys.readouterr().out.count("\n") == (1 if connections else 0)


def test_a_data_folder_that_cannot_be_reached_ends_no_landing(settings: Settings) -> None:
    stream = Stream(settings, EXCHANGES["binance"], ["B"], url="ws://127.0.0.1:1")
    stream._writer.close()
    shutil.rmtree(settings.data_dir)
    settings.data_dir.symlink_to(settings.data_dir)  # an error, as of a server that is gone
    result = stream._land_one(Segment("1-ticks-1", "ticks", "a", "1", "f", False, {}))
    assert (result.state, result.may_pass) == ("failed", True)
    assert "cannot be reached" in str(result.error)
