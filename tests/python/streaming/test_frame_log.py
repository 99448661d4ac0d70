"""What a stream received is on the disk a moment later, and lands once however it was killed."""

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from testkit import ask
from websockets.asyncio.server import ServerConnection, serve

from python_ingest.cli.news import news
from python_ingest.landing.frames import Frame, FrameLog
from python_ingest.landing.land import land_pending
from python_ingest.landing.spool import frames_folder, left_frames
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import Place, open_writer
from python_ingest.streaming.exchanges import EXCHANGES
from python_ingest.streaming.segments import SegmentWriter

INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]
QUOTE = {"T": "q", "S": "AMD", "bp": 87.66, "bs": 1, "ap": 87.68, "as": 4,
         "t": "2021-02-22T15:51:45.335689322Z", "z": "C"}  # fmt: skip
BUST = {"T": "x", "S": "AMD", "i": 5, "x": "D", "t": "2021-02-22T16:00:00Z"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")})


def trade(number: int) -> bytes:
    data = {"e": "trade", "s": "B", "t": number, "p": "1.5", "q": "1", "T": 1672515782136}
    return json.dumps(data).encode()


def frames(*texts: bytes) -> list[Frame]:
    return [(time.time_ns(), text) for text in texts]


def kept(settings: Settings) -> int:
    """How many frames a running stream has in its log."""
    with suppress(FileNotFoundError):  # a segment has them now
        return sum(p.read_bytes().count(b"\n") for p in frames_folder(settings).glob("*"))
    return 0


def left_by_a_killed_one(settings: Settings, feed: str, received: list[Frame]) -> Path:
    log = FrameLog(settings, feed, feed, EXCHANGES[feed].kinds)
    log.append(received)
    assert left_frames(settings) == []  # a living stream has it
    assert log._file is not None
    os.close(log._file)
    (path,) = left_frames(settings)
    return path


def test_what_is_no_segment_yet_lands_after_a_kill(settings: Settings) -> None:
    async def main() -> None:
        async def handle(connection: ServerConnection) -> None:
            for number in range(200):
                await connection.send(trade(number).decode())
            await connection.wait_closed()

        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *INGEST, "stream", "--exchange", "binance", "--symbols", "B",
                "--url", f"ws://127.0.0.1:{port}",
                env={**os.environ, "DATA_DIR": str(settings.data_dir)},
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            async with asyncio.timeout(60):
                # before its first second is over, as nearly always
                while kept(settings) < 200:
                    await asyncio.sleep(0.01)
                    if list(settings.spool_dir.rglob("*-ticks-*.parquet")):
                        break
            process.send_signal(signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL

    asyncio.run(main())
    assert {result.state for result in land_pending(settings)} <= {"landed", "already landed"}
    assert ask(settings, "select count(*), count(distinct trade_id) from raw.market_ticks") == [
        (200, 200)
    ]
    assert list(frames_folder(settings).iterdir()) == []


@pytest.mark.parametrize("is_first", [True, False])
def test_killed_after_the_segment_and_before_the_log_is_gone(
    settings: Settings, *, is_first: bool
) -> None:
    """Both lie there; whichever lands first, each row, its rejection too, is there once."""
    received = frames(trade(1), b"no json", trade(2))
    writer = SegmentWriter(settings, EXCHANGES["binance"], Place(settings))
    writer.write(received)
    writer.close()
    if is_first:
        land_pending(settings)
    path = left_by_a_killed_one(settings, "binance", received)
    land_pending(settings)
    assert not path.exists()
    assert ask(settings, "select trade_id from raw.market_ticks order by 1") == [("1",), ("2",)]
    assert ask(settings, "select raw_text like '%no json' from raw.rejected_rows") == [(True,)]
    assert ask(settings, "select count(*) from raw.landings") == [(1,)]


def test_a_line_that_was_being_written_is_none(settings: Settings) -> None:
    path = left_by_a_killed_one(settings, "binance", frames(trade(1)))
    with path.open("ab") as file:
        file.write(b'1672515782136000000 {"e":"tra')
    empty = path.with_name(f"1.{path.name}")
    empty.write_bytes(b"16725")
    (result,) = land_pending(settings)
    assert (result.landed, result.rejected) == (1, 0)
    assert list(frames_folder(settings).iterdir()) == []


def test_all_kinds_of_an_exchange(settings: Settings) -> None:
    texts = [json.dumps([QUOTE, QUOTE, BUST]).encode()]
    left_by_a_killed_one(settings, "alpaca", frames(*texts))
    left = [result.kind for result in land_pending(settings)]
    assert sorted(left) == ["corrections", "ticks"]
    assert ask(settings, "select occurrence from raw.market_ticks order by 1") == [(1,), (2,)]
    assert ask(settings, "select trade_id, action from raw.tick_corrections") == [("5", "bust")]
    left_by_a_killed_one(settings, "alpaca", frames(json.dumps([QUOTE]).encode()))
    assert [result.kind for result in land_pending(settings)] == ["ticks"]


def test_what_a_killed_stream_left_is_news(settings: Settings) -> None:
    with open_writer(settings) as connection:
        migrate(connection)
    path = left_by_a_killed_one(settings, "binance", frames(trade(1)))
    assert news(settings).waiting == (path.name,)


def test_what_cannot_be_taken_over_stays(settings: Settings) -> None:
    path = left_by_a_killed_one(settings, "binance", frames(trade(1)))
    settings.spool_dir.joinpath("tmp").write_text("in the way")
    (result,) = land_pending(settings)
    assert (result.state, result.file) == ("failed", str(path))
    settings.spool_dir.joinpath("tmp").unlink()
    assert [result.landed for result in land_pending(settings)] == [1]


def test_a_file_that_no_stream_wrote_is_named_and_stays(settings: Settings) -> None:
    strange = frames_folder(settings) / "strange.ndjson"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(b"{}\n")
    (result,) = land_pending(settings)
    assert result.file == str(strange)
    assert result.error == "no stream has called it so: move it out of spool/frames"
    assert strange.exists()
