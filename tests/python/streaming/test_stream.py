"""The stream against a local server that drops, cuts frames, repeats and reorders."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from testkit import ask, held
from websockets.asyncio.server import ServerConnection, serve

from python_ingest.errors import IngestError
from python_ingest.landing.land import land_pending
from python_ingest.settings import Settings, load_settings
from python_ingest.streaming.exchanges import EXCHANGES
from python_ingest.streaming.stream import Stream, Totals

Handler = Callable[[ServerConnection, int], Awaitable[None]]


class Enough(Exception):  # noqa: N818
    """The server has sent all it wanted to."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")})


def run(
    settings: Settings, exchange: str, handler: Handler, symbols: list[str], seconds: float = 0.05
) -> Totals:
    """Serve with `handler(connection, n-th)` until it raises Enough with the frames it sent."""

    async def main() -> Totals:
        number = 0
        sent: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def handle(connection: ServerConnection) -> None:
            nonlocal number
            number += 1
            try:
                await handler(connection, number)
            except Enough as enough:
                sent.set_result(enough.args[0])
                await connection.wait_closed()

        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            stream = Stream(
                settings,
                EXCHANGES[exchange],
                symbols,
                url=f"ws://127.0.0.1:{port}",
                max_seconds=seconds,
            )
            running = asyncio.create_task(stream.run())
            await asyncio.wait({running, sent}, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(60):
                while not running.done() and stream.totals.frames < sent.result():
                    await asyncio.sleep(0.01)
            stream.stop()
            return await asyncio.wait_for(running, 30)

    return asyncio.run(main())


def trade(number: int) -> str:
    data = {
        "e": "trade", "E": 1672515782136, "s": "BTCUSDT", "t": number, "p": f"{number}.5",
        "q": "1", "T": 1672515782136 + number,
    }  # fmt: skip
    return json.dumps({"stream": "btcusdt@trade", "data": data})


def test_drops_repeats_and_reordering_lose_and_double_nothing(settings: Settings) -> None:
    rng = random.Random(7)  # noqa: S311
    paths: list[str] = []
    bad: list[int] = []

    async def handler(connection: ServerConnection, number: int) -> None:
        assert connection.request is not None
        paths.append(connection.request.path)
        # each connection repeats the last 50 trades of the one before, in another order
        numbers = list(range(max(0, number * 200 - 250), number * 200))
        rng.shuffle(numbers)
        for n in numbers:
            await connection.send(trade(n))
            if n % 37 == 0:
                await connection.send("not json")
                bad.append(n)
        if number == 4:
            raise Enough(950 + len(bad))
        await (await connection.ping())  # all of it has been read
        # half a frame, then gone: FIN, text, 100 bytes announced, 5 sent
        connection.transport.write(b'\x81\x64{"a":')
        connection.transport.abort()

    totals = run(settings, "binance", handler, ["BTCUSDT"])
    assert paths[0] == "/stream?streams=btcusdt@trade/btcusdt@bookTicker"
    assert totals.connections == 4
    found = ask(settings, "select trade_id::int, count(*), any_value(last_price) from"
                          " raw.market_ticks group by 1 order by 1")  # fmt: skip
    assert [(n, count, float(price)) for n, count, price in found] == [
        (n, 1, n + 0.5) for n in range(800)
    ]
    assert ask(settings, "select sum(rows_landed), sum(rows_duplicate), sum(rows_rejected) from"
                         " raw.landings where kind = 'ticks'") == [
        (800, 150, len(bad))
    ]  # fmt: skip
    assert ask(
        settings, "select count(*) from raw.application_logs where event = 'stream_gap'"
    ) == [(3,)]
    assert not list(settings.spool_dir.glob("*.parquet"))


def test_identical_quotes_of_one_stream_are_all_real(settings: Settings) -> None:
    quote = {"T": "q", "S": "AMD", "bp": 87.66, "bs": 1, "ap": 87.68, "as": 4,
             "t": "2021-02-22T15:51:45.335689322Z", "z": "C"}  # fmt: skip
    correction = {"T": "x", "S": "AMD", "i": 5, "x": "D", "t": "2021-02-22T16:00:00Z"}

    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send('[{"T":"success","msg":"connected"}]')
        assert json.loads(await connection.recv())["action"] == "auth"
        await connection.send('[{"T":"success","msg":"authenticated"}]')
        assert json.loads(await connection.recv())["quotes"] == ["AMD"]
        for n in range(5):
            await connection.send(json.dumps([quote] * (n + 1)))
            # a segment for each
            while len(list(settings.spool_dir.rglob("*-ticks-*.parquet"))) <= n:
                await asyncio.sleep(0.01)
        await connection.send(json.dumps([correction]))
        raise Enough(6)

    totals = run(settings, "alpaca", handler, ["AMD"])
    assert totals.segments > 3
    assert ask(settings, "select occurrence from raw.market_ticks order by 1") == [
        (n,) for n in range(1, 16)
    ]
    assert ask(settings, "select trade_id, action from raw.tick_corrections") == [("5", "bust")]


def test_a_refusal_is_one_clear_line(settings: Settings) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send('[{"T":"success","msg":"connected"}]')
        await connection.recv()
        await connection.send('[{"T":"error","code":402,"msg":"auth failed"}]')

    with pytest.raises(IngestError, match="auth failed"):
        run(settings, "alpaca", handler, ["AMD"])


def test_a_busy_database_leaves_the_segments_in_the_spool(settings: Settings) -> None:
    settings = settings.model_copy(
        update={"pool": settings.pool.model_copy(update={"connection_timeout_ms": 50})}
    )
    with held(settings.database_path):

        async def handler(connection: ServerConnection, number: int) -> None:
            for n in range(10):
                await connection.send(trade(n))
            raise Enough(10)

        totals = run(settings, "binance", handler, ["BTCUSDT"])
    assert (totals.frames, totals.landed) == (10, 0)
    assert sum(r.landed for r in land_pending(settings) if r.kind == "ticks") == 10


@pytest.mark.parametrize(
    "said", ["not json", '{"T": "success", "msg": "connected"}', "[1]", "null"]
)
def test_a_greeting_that_is_none_is_told_in_a_line(settings: Settings, said: str) -> None:
    async def handler(connection: ServerConnection, number: int) -> None:
        await connection.send(said)
        await connection.wait_closed()

    with pytest.raises(IngestError, match="is the address right"):
        run(settings, "alpaca", handler, ["AAPL"])
