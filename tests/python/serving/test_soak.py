"""Traffic replayed at speed: every state that readers see is whole, and memory is flat."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from python_ingest.landing.land import land_pending
from python_ingest.serving import ReaderPool
from python_ingest.serving.hot_source import HotSource
from python_ingest.settings import load_settings
from tests.python.serving.live import arrive, build_and_publish, resident_mb, trade

TOTALS = (
    "select count(*) as n, count(distinct trade_id) as ids, max(trade_id::bigint) as last,"
    " sum(last_price)::bigint as total from market_ticks"
)
READERS = 100


def whole(row, segment: int) -> int:
    """The ticks of a state that shows the first n segments, each once; fails for any other."""
    n = row["n"]
    assert n == row["ids"] == (-1 if row["last"] is None else row["last"]) + 1
    assert n % segment == 0
    assert (row["total"] or 0) == 100 * n + n * (n - 1) // 2
    return n


@pytest.fixture
def patient(data_dir, monkeypatch):
    """Settings with limits that a slow machine does not reach."""
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "600000")
    monkeypatch.setenv("DATABASE_QUERY_TIMEOUT_MS", "600000")
    return load_settings()


def replay(
    settings, folder, *, segments: int, ticks: int, a_publication: int, pause: float
) -> list[float]:
    """Let segments arrive, land and be published while a hundred readers share fifty connections.

    Returns the memory of this process after each publication, MB.
    """
    build_and_publish(settings)
    source = HotSource(settings)
    sizes, done = [], threading.Event()

    def read(number: int) -> None:
        seen = {"served": 0, "published": 0}
        while not done.is_set():
            with (served if number % 2 else published).reader() as reader:
                (row,) = reader.dicts(TOTALS)
                (again,) = reader.dicts("select max(last_price)::int - 99 as n from market_ticks")
            n = whole(row, ticks)
            kind = "served" if number % 2 else "published"
            assert n >= seen[kind]
            # A pool's reader stays on its publication; the hot day may have grown meanwhile.
            assert (again["n"] or 0) == n or (kind == "served" and (again["n"] or 0) > n)
            seen[kind] = n
            done.wait(pause)

    with (
        ReaderPool(settings, source=source) as served,
        ReaderPool(settings) as published,
        ThreadPoolExecutor(READERS) as threads,
    ):
        source.start()
        readers = [threads.submit(read, number) for number in range(READERS)]
        try:
            for number in range(segments):
                first = number * ticks
                arrive(settings, [trade(n) for n in range(first, first + ticks)], folder, number)
                (folder / f"arrived-{number}.csv").unlink()
                if number % a_publication == a_publication - 1:
                    land_pending(settings)
                    build_and_publish(settings)
                    sizes.append(resident_mb())
                assert not any(reader.done() for reader in readers)
        finally:
            done.set()
        for reader in readers:
            reader.result()
        assert whole(published.dicts(TOTALS)[0], ticks) == segments * ticks
    return sizes


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_an_hour_of_traffic(patient, tmp_path):
    sizes = replay(patient, tmp_path, segments=12, ticks=100, a_publication=3, pause=0.2)
    assert sizes[-1] < sizes[0] + 200


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_day_of_traffic_leaves_memory_flat(patient, tmp_path):
    """A segment a minute, a publication every half hour."""
    sizes = replay(patient, tmp_path, segments=1440, ticks=20, a_publication=30, pause=1)
    print("MB after each publication:", [round(size) for size in sizes])
    third = len(sizes) // 3
    assert max(sizes[-third:]) < max(sizes[third:-third]) * 1.1
