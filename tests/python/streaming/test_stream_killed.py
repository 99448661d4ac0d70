"""`kill -9` of a running stream: what was durable lands exactly once; SIGTERM leaves nothing."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from pathlib import Path

import duckdb
import pytest
from testkit import ask
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from python_ingest.landing.land import land_pending
from python_ingest.landing.spool import left_frames
from python_ingest.settings import Settings, load_settings

INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")})


async def rounds(settings: Settings, count: int, seed: int) -> int:
    """Stream, kill, stream again; return how many trades and quotes the server sent in all."""
    rng = random.Random(seed)  # noqa: S311
    sent = 0
    connected = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        nonlocal sent
        connected.set()
        while connection.state is State.OPEN:
            time = 1672515782136 + sent
            data = {"e": "trade", "s": "BTCUSDT", "t": sent, "p": "1.5", "q": "1", "T": time}
            with contextlib.suppress(ConnectionClosed):
                await connection.send(json.dumps({"stream": "btcusdt@trade", "data": data}))
            sent += 1
            await asyncio.sleep(0)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for number in range(count):
            connected.clear()
            process = await asyncio.create_subprocess_exec(
                *INGEST, "stream", "--exchange", "binance", "--symbols", "BTCUSDT",
                "--url", f"ws://127.0.0.1:{port}",
                env={**os.environ, "DATA_DIR": str(settings.data_dir)},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            async with asyncio.timeout(60):
                await connected.wait()
            await asyncio.sleep(rng.uniform(0.2, 2.5))
            last = number == count - 1
            process.send_signal(signal.SIGTERM if last else signal.SIGKILL)
            code = await process.wait()
            assert code == (0 if last else -signal.SIGKILL)
    return sent


def check(settings: Settings, sent: int) -> None:
    waiting = sum(
        duckdb.read_parquet(str(path)).filter("reason is null").shape[0]
        for path in settings.spool_dir.glob("*-ticks-*.parquet")
    )
    waiting += sum(path.read_bytes().count(b"\n") for path in left_frames(settings))
    before = ask(settings, "select count(*) from raw.market_ticks")[0][0]
    land_pending(settings)
    after, distinct, high = ask(
        settings,
        "select count(*), count(distinct trade_id), max(sequence_number) from raw.market_ticks",
    )[0]
    assert before <= after <= before + waiting <= sent
    assert after == distinct
    assert high < sent
    durable = {
        row[0]
        for path in (settings.spool_dir / "landed").glob("*-ticks-*.parquet")
        for row in duckdb.read_parquet(str(path)).project("trade_id").fetchall()
    }
    assert {r[0] for r in ask(settings, "select trade_id from raw.market_ticks")} == durable
    assert ask(settings, "select sum(rows_landed) from raw.landings where kind = 'ticks'") == [
        (after,)
    ]
    assert list(settings.spool_dir.glob("*.parquet")) == []
    assert list((settings.spool_dir / "tmp").iterdir()) == []
    assert list((settings.spool_dir / "frames").iterdir()) == []


def test_kill_and_come_back(settings: Settings) -> None:
    check(settings, asyncio.run(rounds(settings, 5, seed=1)))


@pytest.mark.slow
def test_kill_fifty_times(settings: Settings) -> None:
    check(settings, asyncio.run(rounds(settings, 50, seed=2)))
