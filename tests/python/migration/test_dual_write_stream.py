"""A stream with dual write: TimescaleDB follows while it runs, fails, and comes back."""

import asyncio
import json
import os
import signal
import sys

import psycopg
from websockets.asyncio.server import ServerConnection, serve

from python_ingest.settings import Settings

INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]
HANG_SECONDS = 90  # not slowness


def trade(number: int) -> str:
    data = {"e": "trade", "s": "BTCUSDT", "t": number, "p": f"{number}.5", "q": "1"}
    data |= {"T": 1672515782136 + number}
    return json.dumps({"stream": "btcusdt@trade", "data": data})


async def until_there(source: psycopg.Connection, table: str, rows: int) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while source.execute(f"select count(*) from {table}".encode()).fetchone() != (rows,):
            await asyncio.sleep(0.1)


async def streamed(source: psycopg.Connection, settings: Settings) -> str:
    """Send 100 trades, 100 while TimescaleDB refuses them, 100 after; return what was printed."""
    connected: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def handle(connection: ServerConnection) -> None:
        connected.set_result(connection)
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(*INGEST, "stream", "--exchange", "binance", "--symbols", "BTCUSDT"),
            *("--url", f"ws://127.0.0.1:{port}"),
            env={
                **os.environ,
                "DATA_DIR": str(settings.data_dir),
                "TIMESCALE_DUAL_WRITE": "true",
            },
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(HANG_SECONDS):
            connection = await connected
        for number in range(100):
            await connection.send(trade(number))
        await until_there(source, "market_ticks", 100)
        source.execute("alter table market_ticks rename to market_ticks_away")
        try:
            for number in range(100, 200):
                await connection.send(trade(number))
            await asyncio.sleep(8)  # more than the pause between two attempts
            assert process.returncode is None
            await until_there(source, "market_ticks_away", 100)
        finally:
            source.execute("alter table market_ticks_away rename to market_ticks")
        await until_there(source, "market_ticks", 200)
        for number in range(200, 300):
            await connection.send(trade(number))
        async with asyncio.timeout(HANG_SECONDS):
            await (await connection.ping())
            process.send_signal(signal.SIGTERM)
            printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


def test_a_stream_is_followed_while_it_runs(source: psycopg.Connection, settings: Settings) -> None:
    printed = asyncio.run(streamed(source, settings))
    assert "300 landed" in printed
    # What came last was written before the command ended.
    rows = source.execute(
        "select sequence_number, last_price::text from market_ticks order by 1"
    ).fetchall()
    assert rows == [(number, f"{number}.50000000") for number in range(300)]
