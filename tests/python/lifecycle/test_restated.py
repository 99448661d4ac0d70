"""Rows restated after their export, by dbt: as if nothing had ever left."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from forked import run_dbt, run_ingest
from testkit import ask

FIRST = [
    # exchange, symbol, time, price, size, id: two minutes of one day, one minute of the next
    ("x", "A", "2024-01-01T10:00:01Z", "10", "1", "1"),
    ("x", "A", "2024-01-01T10:00:02Z", "11", "1", "2"),
    ("x", "A", "2024-01-01T10:07:00Z", "12", "1", "3"),
    ("x", "B", "2024-01-02T10:00:00Z", "20", "1", "4"),
    ("x", "B", "2024-03-01T10:00:00Z", "21", "1", "5"),
]
LATE = [("x", "A", "2024-01-01T10:00:03Z", "15", "2", "6")]
# The only trade of 10:07 is busted, the first of 10:00 corrected: both lie in Parquet by then.
CORRECTIONS = [("x", "A", "3", "bust", "", "2024-03-01T11:00:00Z")]
CORRECTIONS += [("x", "A", "1", "correct", "9", "2024-03-01T11:00:00Z")]
EVENTS = (
    "event_id,event_type,event_time,order_id,client_order_id,exchange,symbol,side,order_type,"
    "quantity,fill_quantity,fill_price,trade_id"
)
LATER = "2025-06-01 00:00:00"  # beyond the 90 days of bars and the 365 of trades


def filled(number: int, at: str, side: str, quantity: str, price: str) -> list[tuple[str, ...]]:
    """An order that is created and filled at one time."""
    same = (at, f"o{number}", f"c{number}", "x", "A", side, "limit", quantity)
    return [
        (f"e{number}a", "created", *same, "", "", ""),
        (f"e{number}b", "fill", *same, quantity, price, f"t{number}"),
    ]


FILLS = [
    *filled(1, "2024-01-01T10:01:00Z", "buy", "2", "10"),
    *filled(2, "2024-01-01T16:00:00Z", "sell", "2", "12"),
    *filled(3, "2024-02-01T10:00:00Z", "buy", "1", "20"),
    *filled(4, "2024-02-01T13:00:00Z", "sell", "1", "21"),
]
# By then all of that lies in Parquet: a fill between the first two, which the second then does not
# close, one that does, and the bust of the last.
LATE_FILLS = [
    *filled(5, "2024-01-01T12:00:00Z", "buy", "1", "8.5"),
    *filled(6, "2024-01-02T09:00:00Z", "sell", "1", "9"),
    (
        *("e7", "trade_bust", "2024-03-01T09:00:00Z", "o4", "c4", "x", "A", "sell", "limit"),
        *("1", "", "", "t4"),
    ),
]
COMPARED = {
    "orders": "client_order_id, status, filled_quantity, average_fill_price, created_at",
    "trades": "side, quantity, price, executed_at, realized_pnl",
    "positions": (
        "symbol, strategy_id, snapshot_time, side, quantity, average_entry_price, current_price,"
        " unrealized_pnl, realized_pnl, max_drawdown, opened_at, closed_at"
    ),
    "round_trips": "opened_at, closed_at, fills, entered_quantity, realized_pnl, net_pnl",
    "lots": "* exclude (lot_id)",
    "lot_closures": "* exclude (closure_id, lot_id, trade_id)",
    "portfolio_snapshots": "snapshot_time, snapshot_type, equity, total_pnl, total_positions",
    "market_ticks": "exchange, symbol, timestamp, last_price, last_size, trade_id, is_busted",
    "ohlcv_bars": (
        "exchange, symbol, timeframe, timestamp, open, high, low, close, volume, vwap,"
        " trade_count, is_complete"
    ),
}


def land(data_dir: Path, kind: str, header: str, rows: list[tuple[str, ...]]) -> None:
    path = data_dir.parent / f"{kind}-{len(rows)}.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    done = run_ingest(data_dir, "land", kind, str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def land_ticks(data_dir: Path, rows: list[tuple[str, ...]]) -> None:
    land(data_dir, "ticks", "exchange,symbol,timestamp,last_price,last_size,trade_id", rows)


def land_late(data_dir: Path) -> None:
    land_ticks(data_dir, LATE)
    header = "exchange,symbol,trade_id,action,corrected_price,timestamp"
    land(data_dir, "corrections", header, CORRECTIONS)
    land(data_dir, "orders", EVENTS, LATE_FILLS)


def build(data_dir: Path, as_of: str, *more: str) -> None:
    done = run_dbt(
        data_dir,
        *("build", "--exclude-resource-type", "test", "unit_test", "snapshot", "seed", "--select"),
        *("+path:models/marts/market", "+path:models/marts/trading"),
        *("+path:models/retention", *more),
        *("--vars", json.dumps({"as_of": as_of})),
    )
    assert done.returncode == 0, done.stdout[-6000:]


def keep_lots(data_dir: Path) -> None:
    """Seeds, and a method for the one account."""
    done = run_dbt(data_dir, "seed")
    assert done.returncode == 0, done.stdout[-6000:]
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        connection.execute(
            "insert into reference.accounts (account_id, lot_method) values ('main', 'fifo')"
        )


def rows(data_dir: Path) -> dict[str, list[tuple]]:
    with duckdb.connect(str(data_dir / "trading.duckdb"), read_only=True) as connection:
        return {
            relation: connection.execute(
                f"select {columns} from {relation} order by all"
            ).fetchall()
            for relation, columns in COMPARED.items()
        }


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """Everything of January in Parquet, then late ticks and corrections, then one more build."""
    data_dir = tmp_path_factory.mktemp("exported") / "data"
    land_ticks(data_dir, FIRST)
    land(data_dir, "orders", EVENTS, FILLS)
    keep_lots(data_dir)
    build(data_dir, LATER)
    assert ask(data_dir, "select count(*) from warm.ohlcv_bars_warm") == [(0,)]
    assert ask(data_dir, "select count(*) from ohlcv_bars where symbol = 'A'") == [(7,)]
    assert ask(data_dir, "select count(*) from warm.trades_warm") == [(0,)]
    assert ask(data_dir, "select count(*) from trades") == [(4,)]
    land_late(data_dir)
    build(data_dir, LATER)
    return data_dir


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, list[tuple]]:
    """The same landed at once and built while nothing leaves."""
    data_dir = tmp_path_factory.mktemp("expected") / "data"
    land_ticks(data_dir, FIRST)
    land(data_dir, "orders", EVENTS, FILLS)
    land_late(data_dir)
    keep_lots(data_dir)
    build(data_dir, "2024-01-01 00:00:00")
    assert ask(data_dir, "select count(*) from raw.cold_files") == [(0,)]
    found = rows(data_dir)
    # Completeness follows as_of where ticks fell silent; here only the later clock matters.
    found["ohlcv_bars"] = [(*row[:-1], True) for row in found["ohlcv_bars"]]
    return found


@pytest.mark.parametrize("relation", ["market_ticks", "ohlcv_bars"])
def test_late_ticks_and_corrections_of_exported_days(exported, expected, relation):
    assert rows(exported)[relation] == expected[relation]


OF_FILLS = ["orders", "trades", "positions", "round_trips", "lots", "lot_closures"]


@pytest.mark.parametrize("relation", [*OF_FILLS, "portfolio_snapshots"])
def test_late_fills_and_busts_of_exported_trades(exported, expected, relation):
    assert expected[relation]
    assert rows(exported)[relation] == expected[relation]
    if relation in ("orders", "trades"):
        assert ask(exported, f"select count(*) from warm.{relation}_warm") == [(0,)]


def test_the_day_was_written_anew_and_nothing_is_warm(exported):
    assert ask(exported, "select count(*) from warm.ohlcv_bars_warm") == [(0,)]
    assert ask(exported, "select count(*) from warm.tombstones") == [(0,)]
    states = ask(
        exported,
        "select state, count(*) from raw.cold_files where relation = 'ohlcv_bars'"
        " and date = '2024-01-01' group by all order by all",
    )
    assert states == [("local", 1), ("replaced", 1)]


def test_what_a_cold_bar_said_is_a_revision(exported):
    found = ask(
        exported,
        "select timeframe, close from ohlcv_bar_revisions where timestamp = '2024-01-01 10:07:00'",
    )
    assert found == [("1m", 12)]


def test_a_full_refresh_reads_warm_and_cold(exported, expected, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(exported, data_dir)
    build(data_dir, LATER, "--full-refresh")
    assert rows(data_dir) == expected
