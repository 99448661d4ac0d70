"""A tick has one home: spool, warehouse and publication against a model in plain Python."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from python_ingest.errors import NotPublishedError
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import TICKS
from python_ingest.landing.input_files import InputFile
from python_ingest.landing.land import land_pending
from python_ingest.landing.prepare import prepare
from python_ingest.landing.spool import kept
from python_ingest.publication.attached import identity_of
from python_ingest.publication.publish import publish
from python_ingest.serving import ReaderPool, hot_source
from python_ingest.serving.hot_source import HotSource
from python_ingest.serving.queries import recent_ticks
from python_ingest.serving.spool_reader import SpoolReader
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer
from tests.python.serving.live import MIDNIGHT, arrive, build_and_publish, open_publications, trade

FOUND = (
    "select trade_id, last_price::int - 100 as number, count(*) as n from market_ticks group by all"
)


def shown(pool) -> Counter:
    return Counter({(r["trade_id"], r["number"]): r["n"] for r in pool.dicts(FOUND)})


def catch_up(source, settings) -> None:
    """Look until readers have the newest publication."""
    source.look()
    while source._state.identity != identity_of(settings.published_path):
        source.look()


# Few numbers, so that segments overlap; a number may repeat among ticks without an id.
SEGMENTS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=8)
STEPS = st.lists(st.one_of(SEGMENTS, st.sampled_from(["land", "publish", "restart"])), max_size=12)


# Each kind of step after each other.
EVERY_STEP = [
    [(1, True), (2, False), (2, False)], [(1, True), (2, False), (3, True)], "land",
    [(3, True), (2, False), (2, False), (2, False)], "publish", [(1, True), (4, False)], "publish",
    [(4, False), (5, True)], "restart", "land", "restart", [(5, True), (6, True)],
]  # fmt: skip


def test_never_missing_never_double(tmp_path_factory):
    @hypothesis_settings(max_examples=12, deadline=None, database=None)
    @example(steps=EVERY_STEP, hot_hours=1)
    @example(steps=EVERY_STEP, hot_hours=10**6)
    @given(steps=STEPS, hot_hours=st.sampled_from([1, 10**6]))
    def walk(steps, hot_hours):
        _every_tick_has_one_home(tmp_path_factory.mktemp("tiers"), steps, hot_hours)

    walk()


def _every_tick_has_one_home(folder, steps, hot_hours):
    environment = {"DATA_DIR": str(folder / "data"), "SERVE_HOT_HOURS": str(hot_hours)}
    settings = load_settings(env=environment)
    expected: Counter = Counter()
    build_and_publish(settings)
    source = HotSource(settings)
    pool = ReaderPool(settings, source=source)
    try:
        for number, step in enumerate(steps):
            if step == "land":
                land_pending(settings)
            elif step == "publish":
                land_pending(settings)
                build_and_publish(settings)
            elif step == "restart":
                pool.close()
                source = HotSource(settings)
                pool = ReaderPool(settings, source=source)
            else:
                arrive(settings, [trade(n, keyed=keyed) for n, keyed in step], folder, number)
                # The same id once; of ticks without one, the most that any one file shows.
                brought = Counter((str(n) if keyed else None, n) for n, keyed in step)
                expected |= Counter({k: 1 if k[0] else n for k, n in brought.items()})
            catch_up(source, settings)
            assert shown(pool) == expected
    finally:
        pool.close()


@pytest.fixture
def live(settings):
    build_and_publish(settings)
    return settings


@pytest.fixture
def pool_and_source(live):
    source = HotSource(live)
    with ReaderPool(live, source=source) as pool:
        yield pool, source


def test_the_newest_hours_are_in_memory_and_the_rest_in_the_file(settings, tmp_path):
    now = datetime.now(UTC).replace(tzinfo=None)
    arrive(settings, [trade(n, at=now - timedelta(hours=1)) for n in range(10)], tmp_path, 1)
    arrive(settings, [trade(n, at=MIDNIGHT) for n in range(20)], tmp_path, 2)
    land_pending(settings)
    build_and_publish(settings)
    with ReaderPool(settings, source=HotSource(settings)) as pool:
        assert pool.dicts("select count(*) as n from hot.ticks") == [{"n": 10}]
        assert pool.dicts("select count(*) as n from market_ticks") == [{"n": 30}]


def test_a_tick_is_seen_while_somebody_has_the_write_lock(pool_and_source, live, tmp_path):
    pool, source = pool_and_source
    with open_writer(live) as writer:
        writer.begin()
        arrive(live, [trade(1)], tmp_path, 1)
        source.look()
        assert len(pool.query("from market_ticks")) == 1


def test_a_damaged_segment_keeps_no_other_back(pool_and_source, live, tmp_path, caplog):
    pool, source = pool_and_source
    bad = arrive(live, [trade(1)], tmp_path, 1)
    (live.spool_dir / f"{bad.name}.parquet").write_bytes(b"PAR1 no more")
    arrive(live, [trade(2)], tmp_path, 2)
    source.look()
    source.look()
    assert pool.query("from market_ticks")["trade_id"].to_pylist() == ["2"]
    assert caplog.text.count(bad.name) == 1


def test_a_file_that_is_no_segment_keeps_no_tick_back(pool_and_source, live, tmp_path):
    pool, source = pool_and_source
    arrive(live, [trade(1)], tmp_path, 1)
    (live.spool_dir / "ticks.parquet").write_bytes(b"copied here by hand")
    source.look()
    assert pool.query("from market_ticks")["trade_id"].to_pylist() == ["1"]


def test_a_fault_of_ours_is_told_and_ticks_are_followed_on(
    pool_and_source, live, tmp_path, caplog, monkeypatch
):
    """A thread that died would leave readers the rows of that moment, and say nothing."""
    pool, source = pool_and_source
    unread, failed = SpoolReader.unread, []

    def fails_once(self):
        if not failed:
            failed.append(True)
            raise KeyError("a fault")
        return unread(self)

    monkeypatch.setattr(SpoolReader, "unread", fails_once)
    arrive(live, [trade(1)], tmp_path, 1)
    source.start()
    until = time.monotonic() + 60
    while not len(pool.query("from market_ticks")) and time.monotonic() < until:
        assert all(thread.is_alive() for thread in source._threads_that_follow)
        time.sleep(0.01)
    assert pool.query("from market_ticks")["trade_id"].to_pylist() == ["1"]
    assert "KeyError" in caplog.text


def test_ticks_are_followed_while_there_is_no_published_file(pool_and_source, live, tmp_path):
    """Somebody moved it: the server has it open, and what arrives is in no publication yet."""
    pool, source = pool_and_source
    live.published_path.unlink()
    arrive(live, [trade(1)], tmp_path, 1)
    with pytest.raises(NotPublishedError):
        source.look()
    assert pool.query("from market_ticks")["trade_id"].to_pylist() == ["1"]


class _Passes:
    """Stands in for the models: knows how many segments its last pass of all was over."""

    passes = 0

    def __init__(self, settings, *_):
        self._settings = settings
        self.over = 0
        self._market_over = 0

    def follow_market(self):
        self._market_over = len(kept(self._settings))

    def follow_trading(self):
        self.over = self._market_over

    def follow(self):
        self.follow_market()
        self.follow_trading()

    def interrupt(self):
        pass

    def close(self):
        pass


def test_the_day_of_a_new_publication_shows_no_less_than_the_former_one(
    live, tmp_path, monkeypatch
):
    """What a pass showed just before readers got the new day was gone until its next pass."""
    monkeypatch.setattr(hot_source, "LiveDay", _Passes)
    source = HotSource(live)
    with ReaderPool(live, source=source):
        former = source._state
        build_and_publish(live)
        source._look_for_ticks()
        source._building.result()
        arrive(live, [trade(1)], tmp_path, 1)
        source._look_live()
        source._look_for_trading()
        assert former.live.over == 1
        for look in (source._look_for_ticks, source._look_live, source._look_for_ticks):
            look()
            assert source._state.live.over == 1
        assert source._state is not former


def test_closing_ends_a_pass_of_many_statements(live, monkeypatch):
    """An interrupt ends one statement, and one between two of them none."""
    interrupted = threading.Semaphore(0)

    class _Long(_Passes):
        def follow_market(self):
            for _ in range(3 * begun.is_set()):
                interrupted.acquire()

        follow_trading = follow_market

        def interrupt(self):
            interrupted.release()

    begun = threading.Event()
    monkeypatch.setattr(hot_source, "LiveDay", _Long)
    source = HotSource(live)
    begun.set()
    source.start()
    closing = threading.Thread(target=source.close, daemon=True)
    closing.start()
    closing.join(60)
    hangs = closing.is_alive()
    for _ in range(100):
        interrupted.release()
    closing.join()
    assert not hangs


def test_recent_ticks_of_one_instant_are_in_trade_order(pool_and_source, live, tmp_path):
    """The newest of them is not published yet, and has no id of ours."""
    pool, source = pool_and_source

    def at_once(*numbers):
        return [f"binance,BTCUSDT,{MIDNIGHT.isoformat()},{n},1,{n}" for n in numbers]

    arrive(live, at_once(10, 9, 8), tmp_path, 1)
    land_pending(live)
    build_and_publish(live)
    arrive(live, at_once(12, 11), tmp_path, 2)
    catch_up(source, live)
    found = recent_ticks(pool, "binance", "BTCUSDT", since=MIDNIGHT, limit=4)
    assert found["trade_id"].to_pylist() == ["12", "11", "10", "9"]


def test_rejected_rows_are_not_served(pool_and_source, live, tmp_path):
    pool, source = pool_and_source
    arrive(live, [trade(1), "binance,BTCUSDT,yesterday,1,1,5"], tmp_path, 1)
    source.look()
    assert len(pool.query("from market_ticks")) == 1


def test_a_reader_of_the_former_day_keeps_it(pool_and_source, live, tmp_path):
    pool, source = pool_and_source
    with pool.reader() as early:
        arrive(live, [trade(1)], tmp_path, 1)
        land_pending(live)
        build_and_publish(live)
        catch_up(source, live)
        assert pool.dicts("select tick_id is null as waits from market_ticks") == [{"waits": False}]
        assert len(early.query("from market_ticks")) in {0, 1}


def test_nothing_published_says_what_to_run(settings):
    with pytest.raises(NotPublishedError, match="ingest cycle"):
        HotSource(settings)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_former_days_are_let_go(pool_and_source, live):
    pool, source = pool_and_source
    before = open_publications()
    for _ in range(3):
        build_and_publish(live)
        catch_up(source, live)
        assert len(pool.query("from market_ticks")) == 0
        assert open_publications() == before


def test_cold_files_are_part_of_what_is_served(settings, tmp_path):
    """The only files that the restricted engine may open."""
    arrive(settings, [trade(n) for n in range(10)], tmp_path, 1)
    land_pending(settings)
    cold = settings.data_dir / "cold" / "market_ticks" / "date=2026-01-04" / "part.parquet"
    cold.parent.mkdir(parents=True)
    build_and_publish(settings)
    with open_writer(settings) as connection:
        connection.execute(
            "copy (select * replace (tick_id + 1000 as tick_id, (date - 1)::date as date,"
            f" timestamp - interval 1 day as timestamp) from market_ticks) to '{cold}'"
        )
        text = connection.execute("select sql from duckdb_views() where view_name = 'market_ticks'")
        select = text.fetchone()[0].split(" AS ", 1)[1].rstrip(";")
        connection.execute(
            f"create or replace view market_ticks as {select}"
            f" union all select * from read_parquet('{cold}', hive_partitioning = false)"
        )
    publish(settings)
    arrive(settings, [trade(n) for n in range(5, 15)], tmp_path, 2)
    again = [trade(n, at=MIDNIGHT - timedelta(days=1)) for n in range(5, 15)]
    arrive(settings, again, tmp_path, 3)
    with ReaderPool(settings, source=HotSource(settings)) as pool:
        days = pool.dicts(
            "select timestamp::date as day, count(*) as n, count(distinct trade_id) as ids"
            " from market_ticks group by all order by 1"
        )
    assert [(str(d["day"]), d["n"], d["ids"]) for d in days] == [
        ("2026-01-04", 15, 15),
        ("2026-01-05", 15, 15),
    ]


HEAD = "exchange,symbol,timestamp,last_price,last_size,sequence_number,trade_id,aggressor_side\n"


def arrive_text(settings, folder, number, *lines):
    """Make trades of CME's ES a segment; each line is timestamp, price and what follows."""
    path = folder / f"text-{number}.csv"
    path.write_text(HEAD + "".join(f"CME,ES,{line}\n" for line in lines))
    return prepare(settings, Wanted(TICKS), InputFile(path))


@pytest.mark.parametrize("published_between", [False, True])
def test_what_orders_ticks_of_one_time_is_served(
    pool_and_source, live, tmp_path, published_between
):
    """Nanoseconds, numbers, the file's order."""
    pool, source = pool_and_source
    for number, line in enumerate(
        [
            ("2026-01-05T00:00:01.000001500Z,2,1,,,buy", "2026-01-05T00:00:01.000001500Z,3,1,,,"),
            ("2026-01-05T00:00:01.000001400Z,9,1,7,,",),
            ("2026-01-05T00:00:01.000001500Z,8,1,7,,",),
            ("2026-01-05T00:00:01.000001500Z,7,1,,5,",),
            ("2026-01-05T00:00:01.000001501Z,4,1,1,,",),
        ]
    ):
        arrive_text(live, tmp_path, number, *line)
        source.look()
    assert pool.dicts("select count(*) as n, max(aggressor_side) as side from market_ticks") == [
        {"n": 6, "side": "buy"}
    ]
    if published_between:
        land_pending(live)
        build_and_publish(live)
        catch_up(source, live)
        assert pool.dicts("select count(*) as n, max(nanoseconds) as ns, max(place) as place"
                          " from market_ticks") == [{"n": 6, "ns": 501, "place": 2}]  # fmt: skip


def test_trades_of_one_packet_are_shown_once_each(pool_and_source, live, tmp_path):
    """Their sequence number is the packet's: it does not say that they are one."""
    pool, source = pool_and_source
    packet = [
        "2024-07-02T00:00:00.000001100Z,5529.00,1,77,,",
        "2024-07-02T00:00:00.000001900Z,5529.00,1,77,,",
        "2024-07-02T00:00:00.000005Z,5529.25,3,77,,",
    ]
    volume = "select sum(last_size)::int as volume from market_ticks"
    for number, lines in enumerate([packet[:2], packet, packet[1:]]):
        arrive_text(live, tmp_path, number, *lines)
        source.look()
    assert pool.dicts(volume) == [{"volume": 5}]
    land_pending(live)
    build_and_publish(live)
    catch_up(source, live)
    arrive_text(live, tmp_path, 9, *packet, packet[2])
    source.look()
    assert pool.dicts(volume) == [{"volume": 8}]
