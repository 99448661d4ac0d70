"""A bust or a correction is an event of its own: of its fill it has the reference, not the id."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Land = Callable[..., Any]
ACTIVITY = (
    "ClientAccountID,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,{id},IBOrderID,TradeID,"
    "LevelOfDetail,TransactionType,{notes}\n"
)
FILL = 'U1,IBM,20260115;093001,BUY,50,100,0001.cc.01.{n},113,6002,EXECUTION,ExchTrade,""\n'
BUST = {
    "type": "U1,IBM,20260115;093001,BUY,-50,100,0001.cc.01.{n},113,6003,Execution,TradeCancel,\n",
    "side": "U1,IBM,20260115;093001,BUY (Ca.),-50,100,0001.cc.01.{n},113,6003,EXECUTION,,\n",
    "note": "U1,IBM,20260115;093001,BUY,-50,100,0001.cc.01.{n},113,6003,EXECUTION,,P;Ca\n",
}
IDS = "select event_type, event_id, exchange_trade_id, order_id from raw.order_events order by all"


def another(line: str) -> str:
    """The line of a fill of another order."""
    for old, new in (("0001.cc", "0002.cc"), (",113,", ",114,"), (",600", ",700")):
        assert old in line
        line = line.replace(old, new)
    return line


@pytest.mark.parametrize("told_by", list(BUST))
@pytest.mark.parametrize(("name", "notes"), [("IBExecID", "Notes/Codes"), ("ExecID", "Code")])
def test_a_bust_of_interactive_brokers_has_its_fills_execution_id(
    land: Land, name: str, notes: str, told_by: str
) -> None:
    """Of a fill that was not corrected, and of one that was."""
    header = ACTIVITY.format(id=name, notes=notes)
    for file, line in (("fill.csv", FILL), ("bust.csv", BUST[told_by])):
        lines = line.format(n="01") + another(line.format(n="02"))
        result, ask = land("orders", file, (header + lines).encode(), "ib-flex")
        assert (result.error, result.rejected) == (None, 0)
    found = ask(IDS)
    assert len({event_id for _, event_id, _, _ in found}) == len(found)
    fills = [row[1:] for row in found if row[0] == "fill"]
    busts = [row[1:] for row in found if row[0] == "trade_bust"]
    ids = [("0001.cc.01.01", "0001.cc.01", "113"), ("0002.cc.01.02", "0002.cc.01", "114")]
    assert fills == ids
    assert busts == [(f"{event}-trade_bust", *rest) for event, *rest in ids]


def test_a_bust_without_an_execution_id_has_that_of_its_trade(land: Land) -> None:
    header = ACTIVITY.format(id="Other", notes="Code")
    content = header + FILL.format(n="01") + BUST["type"].format(n="01").replace("6003", "6002")
    _, ask = land("orders", "a.csv", content.encode(), "ib-flex")
    assert ask("select event_type, event_id, trade_id from raw.order_events order by all") == [
        ("fill", "6002", "6002"),
        ("trade_bust", "6002-trade_bust", "6002"),
    ]


@pytest.mark.parametrize("event", ["trade_bust", "trade_correct"])
@pytest.mark.parametrize(
    ("own", "event_id"), [({}, "e1-{}"), ({"previous_execution_id": "e0"}, "e1")]
)
def test_a_bust_of_alpacas_stream_may_have_its_fills_execution_id(
    land: Land, event: str, own: dict[str, str], event_id: str
) -> None:
    order = {"id": "o", "client_order_id": "c", "symbol": "KO", "side": "buy", "type": "market",
             "qty": "1", "filled_qty": "1"}  # fmt: skip
    told = {"execution_id": "e1", "timestamp": "2024-03-04T15:05:00Z", "qty": "1", "price": "2"}
    lines = [{"event": "fill", **told, "order": order},
             {"event": event, **told, **own, "order": order}]  # fmt: skip
    _, ask = land("orders", "a.jsonl", "\n".join([*map(json.dumps, lines), ""]).encode())
    found = ask("select event_type, event_id, exchange_trade_id, trade_id from raw.order_events")
    named = own.get("previous_execution_id", "e1")
    assert found == [("fill", "e1", "e1", "e1"), (event, event_id.format(event), named, named)]
