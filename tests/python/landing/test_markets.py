"""What landed as `binance` before its markets had names is listed, and renamed where it can be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from python_ingest.errors import IngestError
from python_ingest.feeds.catalogue import feeds
from python_ingest.landing.land import land_files
from python_ingest.landing.markets import found, rename
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

Rows = Callable[[str], list[tuple[Any, ...]]]
HEADER = "exchange,symbol,timestamp,last_price,last_size,trade_id\n"


@pytest.fixture
def batches(settings: Settings, tmp_path: Path) -> dict[str, int]:
    """Files as a former version read them: all of one exchange."""
    files = {
        "spot.csv": "binance,XYZUSDT,2024-07-04,100,1,1001\n",
        "futures/um/XYZUSDT-trades-2024-07-04.csv": "binance,XYZUSDT,2024-07-04,101,10,1001\n"
        "binance,XYZUSDT,2024-07-04,102,10,1002\n",
        "perpetual.csv": "binance-coinm,BTCUSD_PERP,2024-07-04,60000,3,7\n",
        "misread.csv": "binance,XYZUSDT,1970-01-02,100,1,5\n",
    }
    made = {}
    for name, rows in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + rows)
        (result,) = land_files(settings, "ticks", [path], "csv")
        assert result.batch_id is not None
        made[name] = result.batch_id
    with open_writer(settings) as connection:
        connection.execute("update raw.market_ticks set exchange = 'binance'")
    return made


def test_raw_rows_and_paths_tell_markets(settings: Settings, batches: dict[str, int]) -> None:
    with open_writer(settings) as connection:
        told = {
            batch.batch_id: (batch.market, batch.misread) for batch in found(connection, feeds())
        }
    assert [told[number] for number in batches.values()] == [
        (None, False),
        ("binance-usdm", False),
        ("binance-coinm", False),
        (None, True),
    ]


def test_renamed_ticks_are_those_that_land_under_the_name(
    settings: Settings, rows: Rows, batches: dict[str, int], tmp_path: Path
) -> None:
    path = tmp_path / "again.csv"
    path.write_text(HEADER + "binance-usdm,XYZUSDT,2024-07-04,101,10,1001\n")
    assert land_files(settings, "ticks", [path])[0].landed == 1
    with open_writer(settings) as connection:
        connection.execute("insert into state.chains values ('ticks', 5, 1, null)")
    number = batches["futures/um/XYZUSDT-trades-2024-07-04.csv"]
    assert rename(settings, [number], "binance-usdm") == 2
    assert rows("select count(*) from state.chains") == [(0,)]
    of_symbol = "select exchange, last_price from raw.market_ticks where symbol = 'XYZUSDT'"
    assert rows(f"{of_symbol} and timestamp > '2000-01-01' order by all") == [
        ("binance", 100),
        ("binance-usdm", 101),
        ("binance-usdm", 102),
    ]
    assert rows("select count(*) from raw.tick_conflicts") == [(0,)]
    path.write_text(HEADER + "binance-usdm,XYZUSDT,2024-07-04,102,10,1002\n")
    assert land_files(settings, "ticks", [path])[0].duplicate == 1


def test_renamed_ticks_without_a_key_are_as_many_as_land_under_the_name(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    tick = "binance{},XYZUSDT,2024-07-04,101,10,\n"
    numbers = []
    for name, text in {"there": tick.format("-usdm"), "twice": 2 * tick.format("")}.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(HEADER + text)
        numbers.append(land_files(settings, "ticks", [path], "csv")[0].batch_id)
    assert rename(settings, [numbers[1]], "binance-usdm") == 2
    of = "select exchange, occurrence from raw.market_ticks order by all"
    assert rows(of) == [("binance-usdm", 1), ("binance-usdm", 2)]


@pytest.mark.parametrize("order", [[0, 1], [1, 0], [0], [1]])
def test_copies_that_two_files_tell_are_all_renamed(
    settings: Settings, rows: Rows, tmp_path: Path, order: list[int]
) -> None:
    """The second file tells the two of the first again, and one more."""
    tick = "binance,XYZUSDT,2024-07-04,101,10,\n"
    numbers = []
    for copies in (2, 3):
        path = tmp_path / f"{copies}.csv"
        path.write_text(HEADER + copies * tick)
        numbers.append(land_files(settings, "ticks", [path], "csv")[0].batch_id or 0)
    of = "select exchange, occurrence from raw.market_ticks order by all"
    if order == [1]:
        before = rows(of)
        together = f"together: ingest feeds rename {numbers[0]} {numbers[1]}$"
        with pytest.raises(IngestError, match=together):
            rename(settings, [numbers[1]], "binance-usdm")
        assert rows(of) == before
        return
    rename(settings, [numbers[each] for each in order], "binance-usdm")
    if order == [0]:
        assert rows(of) == [("binance", 3), ("binance-usdm", 1), ("binance-usdm", 2)]
        rename(settings, [numbers[1]], "binance-usdm")
    assert rows(of) == [("binance-usdm", 1), ("binance-usdm", 2), ("binance-usdm", 3)]


def test_renamed_ticks_are_linked_as_those_that_land_under_the_name(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """One trade told twice, a trade two sources disagree on, and one that both tell."""
    header = HEADER.replace("timestamp", "source,timestamp")
    of_day = "{},XYZUSDT,{},2024-07-04T00:00:00.{},{},1,{}\n"
    tellings = {
        "stream": [
            ("websocket", "123", 100, 5),
            ("websocket", "2", 100, 6),
            ("websocket", 3, 1, 7),
        ],
        "archive": [("rest", "123456", 100, 5), ("rest", "2", 101, 6), ("rest", 3, 1, 7)],
    }
    market = "binance-usdm"

    def land(name: str, exchange: str) -> int | None:
        path = tmp_path / f"{name}-{exchange}.csv"
        path.write_text(header + "".join(of_day.format(exchange, *row) for row in tellings[name]))
        return land_files(settings, "ticks", [path], "csv")[0].batch_id

    def links() -> list[tuple[Any, ...]]:
        return rows(
            "with t as (select tick_id, concat_ws(' ', exchange, source, trade_id) as tick"
            " from raw.market_ticks)"
            " select t.tick, r.tick, is_one_trade from raw.tick_conflicts as c"
            " join t on t.tick_id = c.tick_id join t as r on r.tick_id = rival_tick_id"
            " union all select t.tick, c.source, null from raw.tick_confirmations as c"
            " join t using (tick_id) order by all"
        )

    land("stream", market)
    land("archive", market)
    right = links()
    assert len(right) == 3
    with open_writer(settings) as connection:
        for table in ("market_ticks", "tick_conflicts", "tick_confirmations", "landings"):
            connection.execute(f"delete from raw.{table}")
    numbers = [land(name, "binance") for name in tellings]
    assert None not in numbers
    rename(settings, [number for number in numbers if number], market)
    assert links() == right
    assert rows("select count(*) from raw.tick_conflicts") == [(2,)]


def test_what_cannot_be_renamed_says_why(settings: Settings, batches: dict[str, int]) -> None:
    with pytest.raises(IngestError, match="wrong under any name"):
        rename(settings, [batches["misread.csv"]], "binance-usdm")
    with pytest.raises(IngestError, match="batch 99 has no ticks of binance"):
        rename(settings, [99], "binance-usdm")
    with open_writer(settings) as connection:
        connection.execute("update raw.landings set rows_landed = 2, rows_read = 2"
                           f" where batch_id = {batches['perpetual.csv']}")  # fmt: skip
    with pytest.raises(IngestError, match="1 of its rows have left for cold files"):
        rename(settings, [batches["perpetual.csv"]], "binance-coinm")
