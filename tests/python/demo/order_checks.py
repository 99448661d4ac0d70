"""What must hold for any order events, told without the simulator's own code."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

ENDS = {"fill", "cancelled", "rejected", "expired"}


def check_lives(events: list[dict[str, Any]]) -> None:
    """Each order is created first, ends once, and is not filled beyond its quantity."""
    lives = defaultdict(list)
    for event in events:
        lives[event["order_id"]].append(event)
    for life in lives.values():
        types = [event["event_type"] for event in life]
        assert types[0] == "created"
        assert [event["event_time"] for event in life] == sorted(e["event_time"] for e in life)
        done = [kind for kind in types if kind not in {"trade_bust", "trade_correct"}]
        assert done[-1] in ENDS
        assert sum(kind in ENDS for kind in done) == 1
        filled = sum(Decimal(e["fill_quantity"]) for e in life if e["event_type"] in FILLS)
        last = Decimal(life[-1]["quantity"])
        assert (filled == last) == (done[-1] == "fill")
        assert filled <= last
        for event in life:
            if event["event_type"] in FILLS and event["order_type"] == "limit":
                worse = Decimal(event["fill_price"]) - Decimal(event["price"])
                assert worse <= 0 if event["side"] == "buy" else worse >= 0


FILLS = {"fill", "partial_fill"}


def positions(events: list[dict[str, Any]]) -> dict[tuple[str, str], list[Decimal]]:
    """The running position of each (strategy, symbol), less what commissions took of the base."""
    busted = {e["trade_id"] for e in events if e["event_type"] == "trade_bust"}
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)])
    for event in events:
        if event["event_type"] in FILLS and event["trade_id"] not in busted:
            quantity = Decimal(event["fill_quantity"])
            signed = quantity if event["side"] == "buy" else -quantity
            if event["symbol"].startswith(event["commission_currency"]):
                signed -= Decimal(event["commission"])
            run = found[event["strategy_id"], event["symbol"]]
            run.append(run[-1] + signed)
    return found
