"""What passes by itself ends no stream, and no stream ends well while nothing lands."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from websockets.asyncio.server import ServerConnection, serve

from python_ingest.errors import IngestError
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer
from python_ingest.streaming import stream as streaming
from python_ingest.streaming.exchanges import EXCHANGES
from python_ingest.streaming.stream import Stream, Totals

INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]


def trade(number: int) -> str:
    return json.dumps(
        {"e": "trade", "s": "B", "t": number, "p": "1.5", "q": "1", "T": 1672515782136}
    )


def settings_of(tmp_path: Path, **more: str) -> Settings:
    env = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_CONNECTION_TIMEOUT_MS": "50", **more}
    return load_settings(tmp_path / "none.toml", env)


def landed(settings: Settings) -> tuple[int, int]:
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        row = connection.execute(
            "select count(*), count(distinct trade_id) from raw.market_ticks"
        ).fetchone()
    assert row is not None
    return row


class Outage:
    """A stream of `count` trades; `meanwhile` runs beside it and may end what is wrong."""

    def __init__(self, settings: Settings, count: int, **more: Any) -> None:
        self.said: list[str] = []
        self.settings = settings
        self.count = count
        self.more = more
        self.stream: Stream | None = None
        self.go_on = asyncio.Event()

    def run(self, meanwhile: Callable[["Outage"], Awaitable[None]]) -> Totals:
        return asyncio.run(self._run(meanwhile))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    async def complains(self, text: str) -> None:
        await self.until(lambda: any(text in said for said in self.said))

    async def _run(self, meanwhile: Callable[["Outage"], Awaitable[None]]) -> Totals:
        async def handle(connection: ServerConnection) -> None:
            for number in range(self.count):
                await connection.send(trade(number))
            ended = asyncio.create_task(connection.wait_closed())
            more = asyncio.create_task(self.go_on.wait())
            await asyncio.wait({ended, more}, return_when=asyncio.FIRST_COMPLETED)
            if more.done():
                for number in range(self.count, 2 * self.count):
                    await connection.send(trade(number))
            more.cancel()
            await ended

        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            self.stream = Stream(
                self.settings,
                EXCHANGES["binance"],
                ["B"],
                url=f"ws://127.0.0.1:{port}",
                max_seconds=0.05,
                say=self.said.append,
                **self.more,
            )
            running = asyncio.create_task(self.stream.run())
            doing = asyncio.create_task(meanwhile(self))
            await asyncio.wait({running, doing}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
            self.stream.stop()
            return await asyncio.wait_for(running, 60)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.data_dir.mkdir()
    settings.spool_dir.write_text("in the way")

    async def mend(outage: Outage) -> None:
        await outage.complains("cannot spool, trying again")
        settings.spool_dir.unlink()
        assert outage.stream is not None
        await outage.until(lambda: outage.stream.totals.landed == 100)

    totals = Outage(settings, 100).run(mend)
    assert (totals.frames, totals.landed, totals.waiting) == (100, 100, 0)
    assert landed(settings) == (100, 100)


def test_a_database_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    away = tmp_path / "away.duckdb"
    with open_writer(settings) as connection:
        migrate(connection)
    settings.published_path.parent.mkdir()  # what a cycle left of it
    settings.published_path.touch()
    settings.database_path.rename(away)

    async def bring_back(outage: Outage) -> None:
        await outage.complains("is not there, though it was")
        assert not settings.database_path.exists()
        away.rename(settings.database_path)
        assert outage.stream is not None
        await outage.until(lambda: outage.stream.totals.landed == 100)

    totals = Outage(settings, 100).run(bring_back)
    assert (totals.frames, totals.landed, totals.waiting) == (100, 100, 0)
    assert landed(settings) == (100, 100)


def test_what_it_says_of_itself_waits_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = streaming.spool_records
    left = [OSError("no room"), IngestError("no room"), OSError("no room")]
    refused: list[Any] = []
    taken: list[Any] = []

    def spool_late(settings: Settings, records: list[Any]) -> Any:
        if left:
            refused[:] = records
            raise left.pop()
        taken.extend(records)
        return original(settings, records)

    monkeypatch.setattr(streaming, "spool_records", spool_late)
    monkeypatch.setattr(streaming, "_METRICS_SECONDS", 0.01)

    async def wait(outage: Outage) -> None:
        await outage.complains("cannot spool what the stream says of itself")
        await outage.until(lambda: not left)
        assert outage.stream is not None
        await outage.until(lambda: outage.stream.totals.landed == 100)

    settings = settings_of(tmp_path)
    assert Outage(settings, 100).run(wait).landed == 100
    assert refused
    assert taken[: len(refused)] == refused
    metrics = sum(kind == "metrics" for kind, _ in taken)
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        sql = "select count(*) from raw.system_metrics"
        assert connection.execute(sql).fetchall() == [(metrics,)]


@pytest.mark.parametrize("instead", ["nothing", "an empty folder", "an error"])
@pytest.mark.parametrize("database_elsewhere", [False, True])
def test_a_data_folder_that_is_away_is_not_made_anew(
    tmp_path: Path, instead: str, database_elsewhere: bool
) -> None:
    """As when a mount goes: what was received is held, and nothing lies beneath the mount point."""
    more = {"DATABASE_PATH": str(tmp_path / "trading.duckdb")} if database_elsewhere else {}
    settings = settings_of(tmp_path, **more)
    away = tmp_path / "away"

    async def go_and_come(outage: Outage) -> None:
        assert outage.stream is not None
        await outage.until(lambda: outage.stream.totals.landed == 50)
        settings.data_dir.rename(away)
        if instead == "an empty folder":
            settings.data_dir.mkdir()
        if instead == "an error":  # as of a server that is gone
            settings.data_dir.symlink_to(settings.data_dir)
        outage.go_on.set()
        says = "cannot be reached" if instead == "an error" else "or another folder is in its place"
        await outage.complains(says)
        for _ in range(100):
            await asyncio.sleep(0.02)
            found = list(settings.data_dir.iterdir()) if settings.data_dir.exists() else []
            assert found == []
        assert settings.data_dir.exists() == (instead == "an empty folder")
        if instead == "an empty folder":
            settings.data_dir.rmdir()
        if instead == "an error":
            settings.data_dir.unlink()
        away.rename(settings.data_dir)
        await outage.until(lambda: outage.stream.totals.landed == 100)

    totals = Outage(settings, 50).run(go_and_come)
    assert (totals.frames, totals.landed, totals.waiting) == (100, 100, 0)
    assert landed(settings) == (100, 100)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)

    async def mend(outage: Outage) -> None:
        await outage.complains("cannot spool, trying again")
        ballast.unlink()
        assert outage.stream is not None
        await outage.until(lambda: outage.stream.totals.landed == 100)

    totals = Outage(settings, 100).run(mend)
    assert (totals.landed, totals.waiting) == (100, 0)
    assert landed(settings) == (100, 100)


def test_a_full_disk_at_the_end_is_a_counted_loss(small_disk: Path, tmp_path: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)

    async def main() -> tuple[int | None, bytes]:
        sent = asyncio.Event()

        async def handle(connection: ServerConnection) -> None:
            for number in range(100):
                await connection.send(trade(number))
            await (await connection.ping())  # so they were received
            sent.set()
            await connection.wait_closed()

        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *INGEST, "stream", "--exchange", "binance", "--symbols", "B",
                "--url", f"ws://127.0.0.1:{port}",
                env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stderr is not None
            async with asyncio.timeout(60):
                await sent.wait()
                while b"cannot spool, trying again" not in await process.stderr.readline():
                    pass
            process.send_signal(signal.SIGTERM)
            rest = await process.stderr.read()
            return await process.wait(), rest

    code, rest = asyncio.run(main())
    assert code == 1
    assert re.search(rb"100 received frames from \S+ to \S+ could not be made durable", rest), rest
    assert b"Traceback" not in rest


def test_a_database_that_is_away(tmp_path: Path) -> None:
    away = tmp_path / "elsewhere"
    away.write_text("not mounted")
    settings = settings_of(tmp_path, DATABASE_PATH=str(away / "trading.duckdb"))

    async def mend(outage: Outage) -> None:
        await outage.complains("segments wait in the spool")
        away.unlink()
        assert outage.stream is not None
        await outage.until(lambda: outage.stream.totals.landed == 100)

    totals = Outage(settings, 100).run(mend)
    assert (totals.landed, totals.waiting) == (100, 0)
    assert landed(settings) == (100, 100)


def test_no_more_is_held_than_may_be(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.data_dir.mkdir()
    settings.spool_dir.write_text("in the way")
    held = 0

    async def mend(outage: Outage) -> None:
        nonlocal held
        await outage.complains("nothing more is read for now")
        for _ in range(100):
            assert outage.stream is not None
            held = max(held, len(outage.stream._frames))
            await asyncio.sleep(0.005)
        settings.spool_dir.unlink()
        await outage.until(lambda: outage.stream.totals.landed == 500)

    totals = Outage(settings, 500, max_frames=20).run(mend)
    assert held == 40
    assert (totals.frames, totals.landed) == (500, 500)


def test_what_could_not_be_kept_at_the_end_is_an_error(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.data_dir.mkdir()
    settings.spool_dir.write_text("in the way")

    async def nothing(outage: Outage) -> None:
        await outage.complains("cannot spool, trying again")

    with pytest.raises(IngestError, match=r"100 received frames from .* could not be made"):
        Outage(settings, 100, max_frames=1000).run(nothing)


def test_a_dead_lander_ends_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*arguments: Any) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(streaming, "land_one", dies)

    async def wait(outage: Outage) -> None:
        await asyncio.sleep(30)

    with pytest.raises(IngestError, match="landing stopped: RecursionError: too deep"):
        Outage(settings_of(tmp_path), 100).run(wait)
    assert len(list((tmp_path / "data" / "spool").glob("*-ticks-*.parquet"))) > 0


def test_it_does_not_end_well_while_nothing_lands(tmp_path: Path) -> None:
    away = tmp_path / "elsewhere"
    away.write_text("not mounted")

    async def main() -> tuple[int | None, bytes]:
        async def handle(connection: ServerConnection) -> None:
            await connection.send(trade(1))
            await connection.wait_closed()

        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *INGEST, "stream", "--exchange", "binance", "--symbols", "B",
                "--url", f"ws://127.0.0.1:{port}",
                env={**os.environ, "DATA_DIR": str(tmp_path / "data"),
                     "DATABASE_PATH": str(away / "trading.duckdb")},
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stderr is not None
            async with asyncio.timeout(60):
                while b"segments wait" not in await process.stderr.readline():
                    pass
            process.send_signal(signal.SIGTERM)
            rest = await process.stderr.read()
            return await process.wait(), rest

    code, rest = asyncio.run(main())
    assert code == 1
    assert b"segments wait in the spool" in rest
    assert b"Traceback" not in rest
