"""Fills that two tools tell count once, and orders are made of fills where nothing else tells."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

from .trading_warehouse import Warehouse

EXAMPLES = Path(__file__).parents[1] / "feeds" / "examples"
MANUAL = Path(__file__).parents[3] / "docs" / "landing.md"
LPCN = "904837e3-3b76-47ec-b432-046db621571b"  # of the example of Alpaca's activities
FLEX = (
    "ClientAccountID,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBExecID,IBOrderID,TradeID,"
    "LevelOfDetail,TransactionType,Notes/Codes\n"
)
FLEX_FILL = "U1,IBM,20260115;093001,BUY,50,100,0001.cc.01.01,113,6002,EXECUTION,ExchTrade,\n"
FLEX_BUST = (
    "U1,IBM,20260115;093001,BUY (Ca.),-50,100,0001.cc.01.01,113,6003,EXECUTION,TradeCancel,Ca\n"
)
INVARIANTS = (
    "corrections_find_their_trade", "events_agree_with_their_key", "every_trade_has_its_order",
    "every_counted_fill_has_a_trade_and_an_order", "fill_without_an_order",
    "states_are_the_fills_that_count", "fills_are_told_once", "fills_fit_their_order",
)  # fmt: skip
MARTS = ("orders", "trades", "positions", "round_trips")


def told(order: str, execution: str, at: str, size: str, price: str, total: str) -> dict[str, Any]:
    """A fill as Alpaca's stream tells it."""
    return {
        "event": "fill", "execution_id": execution, "timestamp": at, "qty": size, "price": price,
        "order": {"id": order, "client_order_id": f"client-{order}", "symbol": "LPCN", "qty": "5",
                  "filled_qty": total, "side": "sell_short", "type": "limit"},
    }  # fmt: skip


def activity(order: str, number: int, at: str, size: str, price: str, total: str) -> dict[str, Any]:
    return {
        "activity_type": "FILL", "type": "fill", "id": f"2024::{order}-{number}", "order_id": order,
        "symbol": "LPCN", "side": "sell", "qty": size, "price": price, "transaction_time": at,
        "cum_qty": total, "leaves_qty": "0",
    }  # fmt: skip


def report(what: str, status: str) -> dict[str, Any]:
    """Binance's stream of a fill that its export has too, which knows no id."""
    return {
        "e": "executionReport", "E": 1709546340123, "s": "BTCUSDT", "c": "c", "S": "BUY",
        "o": "LIMIT", "f": "GTC", "q": "1000.25", "p": "65000.5", "C": "", "x": what, "X": status,
        "r": "NONE", "i": 4, "l": "1000.25", "L": "65000.5", "n": "1", "N": "BTC",
        "T": 1709546340123, "t": 77, "I": 8,
    }  # fmt: skip


def land(warehouse: Warehouse, path: Path) -> None:
    settings = load_settings(path.parent / "none.toml", {"DATA_DIR": str(warehouse.data_dir)})
    (result,) = land_files(settings, "orders", [path])
    assert result.error is None


def land_lines(warehouse: Warehouse, name: str, lines: list[dict[str, Any]]) -> None:
    path = warehouse.data_dir.with_name(name)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    land(warehouse, path)


def take_back(warehouse: Warehouse) -> None:
    """A file of the wrong account, and what the manual says of it."""
    settings = load_settings(EXAMPLES / "none.toml", {"DATA_DIR": str(warehouse.data_dir)})
    folder = warehouse.data_dir.parent
    path = folder / "fills.csv"
    path.write_text(
        "exchange,symbol,time,side,quantity,price,order_id,trade_id\n"
        "kraken,XBTEUR,2024-03-04T10:00:00Z,buy,2,60000,o1,t1\n"
        "kraken,XBTEUR,2024-03-04T11:00:00Z,buy,3,60000,o1,t2\n"
    )
    (wrong,) = land_files(settings, "orders", [path], account="wrong")
    ticks = folder / "ticks.csv"
    ticks.write_text(
        "exchange,symbol,timestamp,last_price,trade_id\n"
        "nobody,XBTEUR,2024-03-04T10:00:00Z,60000,t1\n"
    )
    (prints,) = land_files(settings, "ticks", [ticks])
    (told,) = re.findall(r"```sql\n(copy.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    fills, trades = told.split(";")[:2]
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        for sql, batch in ((fills, wrong), (trades, prints)):
            said = sql.replace("batch_id = 7", f"batch_id = {batch.batch_id}")
            connection.execute(said.replace("'bust-", f"'{folder}/bust-"))
    for kind, name in (("orders", "bust-fills.csv"), ("corrections", "bust-trades.csv")):
        (busts,) = land_files(settings, kind, [folder / name])
        assert (busts.error, busts.rejected, busts.landed) == (None, 0, 2 if "fills" in name else 1)
    (right,) = land_files(settings, "orders", [path], account="right")
    assert right.landed == 2


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The stream first, then what REST and exports tell of the same and of other fills."""
    made = Warehouse(tmp_path_factory.mktemp("feeds") / "data")
    bust = told("busted", "s1", "2024-03-05T10:02:00Z", "4", "10", "0")
    land_lines(made, "stream.ndjson", [
        told(LPCN, "e1", "2024-03-04T15:04:00.977Z", "2", "1.63", "2"),
        told(LPCN, "e2", "2024-03-04T15:05:00.123456Z", "3", "1.64", "5"),
        told("busted", "s1", "2024-03-05T10:01:00Z", "4", "10", "4"),
        {**bust, "event": "trade_bust", "execution_id": "b1", "previous_execution_id": "s1"},
        told("busted", "s2", "2024-03-05T10:03:00Z", "4", "11", "4"),
    ])  # fmt: skip
    made.build()
    land(made, EXAMPLES / "alpaca-activities" / "activities.json")
    land_lines(made, "more.json", [
        activity("busted", 1, "2024-03-05T10:01:00Z", "4", "10", "4"),
        activity("busted", 2, "2024-03-05T10:03:00Z", "4", "11", "4"),
        activity("rest", 1, "2024-03-05T11:00:00Z", "1", "12", "1"),
    ])  # fmt: skip
    land_lines(made, "binance.ndjson", [report("NEW", "NEW"), report("TRADE", "FILLED")])
    for name in ("ib-flex/activity.csv", "binance-ui-trades/export.csv", "fills/fills.csv"):
        land(made, EXAMPLES / name)
    for name, line in (("flex.csv", FLEX_FILL), ("flex-bust.csv", FLEX_BUST)):
        (made.data_dir.parent / name).write_text(FLEX + line)
        land(made, made.data_dir.parent / name)
    take_back(made)
    made.build()
    made.built = made.dbt("test", "--select", *INVARIANTS).stdout
    return made


def of_order(warehouse: Warehouse, order: str) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    trades = warehouse.rows(
        f"from trades where source_order_id = '{order}' order by executed_at, quantity desc"
    )
    (found,) = warehouse.rows(f"from orders where source_order_id = '{order}'")
    return [(str(t["side"]), float(t["quantity"]), float(t["price"])) for t in trades], found


def test_a_fill_of_stream_and_activities_counts_once(warehouse: Warehouse) -> None:
    trades, order = of_order(warehouse, LPCN)
    assert trades == [("sell", 2, 1.63), ("sell", 3, 1.64)]
    assert (order["quantity"], order["status"]) == (5, "filled")
    # the stream knows what the activities do not
    assert (order["client_order_id"], order["order_type"]) == (f"client-{LPCN}", "limit")


def test_a_batch_is_taken_back_as_the_manual_says(warehouse: Warehouse) -> None:
    counted = warehouse.rows(
        "select account_id, sum(quantity) as n from trades where symbol = 'XBTEUR' group by all"
    )
    assert [(row["account_id"], float(row["n"])) for row in counted] == [("right", 5)]
    held = warehouse.rows("from current_positions where symbol = 'XBTEUR'")
    assert [row["account_id"] for row in held] == ["right"]
    orders = warehouse.rows("from orders where symbol = 'XBTEUR' order by account_id")
    assert [row["status"] for row in orders] == ["filled", "cancelled"]


def test_after_a_bust_two_fills_say_as_much_of_their_order(warehouse: Warehouse) -> None:
    trades, _ = of_order(warehouse, "busted")
    assert trades == [("sell", 4, 11)]


def test_an_order_is_made_of_its_fills(warehouse: Warehouse) -> None:
    """Interactive Brokers: 60, then 40 at a corrected price; a busted sale."""
    trades, order = of_order(warehouse, "501")
    assert trades == [("buy", 60, 230.1), ("buy", 40, 230.1)]
    assert (order["quantity"], order["filled_quantity"], order["status"]) == (100, 100, "filled")
    assert of_order(warehouse, "502")[0] == []
    assert of_order(warehouse, "502")[1]["status"] == "cancelled"
    (held,) = warehouse.rows("from current_positions where exchange = 'ibkr' and symbol = 'AAPL'")
    assert (held["quantity"], float(held["average_entry_price"])) == (100, 230.1)


def test_a_bust_with_its_fills_execution_id_takes_it_back(warehouse: Warehouse) -> None:
    trades, order = of_order(warehouse, "113")
    assert (trades, order["status"]) == ([], "cancelled")


def test_equal_fills_of_a_list_are_all_real(warehouse: Warehouse) -> None:
    (sold,) = warehouse.rows("select sum(quantity) as n from trades where symbol = 'VETUSDT'")
    left = warehouse.rows("select account_id, quantity from current_positions where symbol = 'KO'")
    held = {row["account_id"]: row["quantity"] for row in left}
    assert (float(sold["n"]), held) == (87.4, {"ira": 10, "main": -6})


def test_only_a_stream_is_warned_of(warehouse: Warehouse) -> None:
    warned = dict(re.findall(r"WARN (\d+) (\w+) \.", warehouse.built))
    # what an export and a stream tell is named: nothing says that it is one fill
    assert warned == {"2": "fill_without_an_order", "1": "fills_are_told_once"}
    implied = warehouse.rows("from orders where is_implied and source_order_id = 'rest'")
    assert len(implied) == 1


def test_a_rebuild_gives_the_same(warehouse: Warehouse) -> None:
    copy = warehouse.copy(warehouse.data_dir.with_name("rebuilt"))
    copy.build("--full-refresh")
    for mart in MARTS:
        query = f"from {mart} order by all"
        assert copy.rows(query) == warehouse.rows(query)
