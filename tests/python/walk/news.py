"""What may land: rows of all kinds, as a hypothesis strategy or from the generator of orders."""

import random
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from market.test_any_order import corrections as any_correction
from market.test_any_order import ticks as any_tick
from trading.trading_cases import START as CASES_START
from trading.trading_cases import random_cases

from python_ingest.feeds.kinds import CASH

Row = dict[str, Any]
START = datetime(2024, 3, 9, 9, 0)  # New York loses an hour in the night after
MINUTES = (0, 1, 2, 61, 119, 120, 121, 200, 901, 1020, 1440, 1441, 2000, 2880)
SERIES = (
    ("prop", "X"),
    ("nyse", "N"),
    ("fx17", "F"),
    ("quoted", "MID"),
    ("prop", "BYAGG"),
    ("alpaca", "S0"),
    ("binance", "S1"),
)
CASES = 5
ACCOUNTS = ("main", "main", "second")
IDS = ("event_id", "order_id", "client_order_id", "trade_id", "exchange_trade_id")

_times = st.tuples(st.sampled_from(MINUTES), st.sampled_from([0, 1, 30, 59.999999])).map(
    lambda at: START + timedelta(minutes=at[0], seconds=at[1])
)


def _tick(parts: tuple[Row, tuple[str, str], datetime]) -> Row:
    row, (exchange, symbol), at = parts
    row = {**row, "exchange": exchange, "symbol": symbol, "timestamp": at, "tape": "C"}
    del row["nanoseconds"], row["told_again"]  # of test_any_order alone
    if row["kind"] == "quote" or exchange == "quoted":
        bid = row["last_price"]
        row |= {"kind": "quote", "bid_price": bid, "ask_price": bid + 1}
        row |= {"last_price": None, "last_size": None}
    return row


def _cash(row: Row) -> Row:
    """Cash of an instrument, and perhaps of a strategy in it, or of the account alone."""
    instrument = row.pop("instrument")
    if instrument is None:
        return {**row, "strategy_id": None}
    return {**row, "exchange": instrument[0], "symbol": instrument[1]}


# Ids and numbers repeat, so that one may say something else than another that was landed before.
ticks = st.tuples(any_tick, st.sampled_from(SERIES), _times).map(_tick)
corrections = st.tuples(any_correction, st.sampled_from(SERIES), _times).map(
    lambda parts: {
        **parts[0],
        "exchange": parts[1][0],
        "symbol": parts[1][1],
        "timestamp": parts[2] + timedelta(hours=1),
    }
)
cash = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(["c1", "c2", "c3", "c4", "c5"]),
        "event_time": _times,
        "kind": st.sampled_from(["deposit", "withdrawal", *CASH.column("kind").words]),
        "amount": st.sampled_from(["1000", "-12.5", "250000", "0.01"]),
        "currency": st.sampled_from(["USD", "USD", "EUR", "USDT"]),
        "account_id": st.sampled_from(ACCOUNTS),
        "instrument": st.sampled_from([None, ("alpaca", "S0"), ("binance", "S1")]),
        "strategy_id": st.sampled_from([None, None, "alpha", "beta"]),
        "accrual_time": st.one_of(st.none(), _times),
    }
).map(_cash)
_action_days = st.sampled_from(["2024-03-09", "2024-03-10", "2024-03-11"])
_actions_of = {
    "split": {"ratio": st.sampled_from(["2", "0.1", "3"])},
    "stock_dividend": {"ratio": st.sampled_from(["0.05", "0.33333333"])},
    # to symbols that are traded too, perhaps in circles, and to one that is not
    "symbol_change": {"new_symbol": st.sampled_from(["S0", "S1", "S4", "NEW"])},
    "spin_off": {
        "new_symbol": st.sampled_from(["S4", "CHILD"]),
        "ratio": st.sampled_from(["1", "0.25"]),
        "cost_share": st.sampled_from(["0.2", "1"]),
    },
    "cash_in_lieu": {"cash_amount": st.sampled_from(["10", "0.5"])},
}
actions = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                "exchange": st.sampled_from(["alpaca", "binance"]),
                "symbol": st.sampled_from(["S0", "S1", "S2", "S3"]),
                "ex_date": _action_days,
                "kind": st.just(kind),
                **columns,
            }
        )
        for kind, columns in _actions_of.items()
    )
).filter(lambda row: row.get("new_symbol") != row["symbol"])
# Of the days of the walk: landed again with something else, by a symbol or a currency.
statements = st.tuples(
    st.sampled_from(["2024-03-09 21:00:00", "2024-03-10 21:00:00", "2024-03-11 21:00:00"]),
    st.sampled_from([{"symbol": "S0"}, {"symbol": "S1"}, {"symbol": "S9"}, {"currency": "USD"}]),
    st.sampled_from(["0", "10", "-3.5", "100000"]),
    st.sampled_from([{}, {}, {"exchange": "alpaca"}, {"cost": "100", "market_value": "99.5"}]),
).map(lambda parts: {"as_of": parts[0], **parts[1], "quantity": parts[2], **parts[3]})
metrics = st.fixed_dictionaries(
    {
        "timestamp": _times,
        "metric_name": st.sampled_from(["lag", "rows"]),
        "metric_type": st.just("gauge"),
        "value": st.sampled_from([1.0, 2.5, -3.0]),
    }
)
logs = st.fixed_dictionaries(
    {
        "timestamp": _times,
        "level": st.sampled_from(["info", "error", "debug"]),
        "service": st.sampled_from(["ingest", "dbt"]),
        "message": st.sampled_from(["begun", "ended"]),
    }
)


class Desk:
    """Orders and the prices that mark them, in no order: each call gives what comes next."""

    def __init__(self, seed: int) -> None:
        """`seed` decides everything."""
        self._random = random.Random(seed)  # noqa: S311
        cases = random_cases(seed, CASES)
        self._events = [self._event(seed, event) for case in cases for event in case.events]
        self._ticks = [self._tick(seed, tick) for case in cases for tick in case.ticks]
        # The other account gives its orders and executions the same numbers.
        own = [case for case in cases if self._random.random() < 0.3]
        self._events += [
            self._event(seed, event) | {"account_id": "second"}
            for case in own
            for event in case.events
        ]
        self._events += [self._transfer(n, event) for n, event in enumerate(self._fills(12))]
        for event in self._events:
            if self._random.random() < 0.5:
                event["position_side"] = self._side(event)
            if "fill_price" in event and self._random.random() < 0.3:
                event["commission_currency"] = self._random.choice(["EUR", "USDT", "BTC"])
        rate = {"exchange": "fx", "symbol": "EURUSD", "last_size": "1"}
        for hour in range(0, 36, 5):
            at = str(START + timedelta(hours=hour))
            price = f"1.{hour + 10}"
            self._ticks.append(
                {**rate, "timestamp": at, "last_price": price, "trade_id": str(hour)}
            )
        self._random.shuffle(self._events)
        self._random.shuffle(self._ticks)
        self._given: dict[str, int] = {"events": 0, "ticks": 0}

    def _side(self, event: Row) -> str:
        """A transfer's is its own; else any, which only counts in an account with hedge mode."""
        if "transfer_id" in event:
            return "long" if event["side"] == "buy" else "short"
        return self._random.choice(["long", "short", "net"])

    def _fills(self, count: int) -> list[Row]:
        fills = [e for e in self._events if e["event_type"] in ("partial_fill", "fill")]
        return self._random.sample(fills, min(count, len(fills)))

    def _transfer(self, number: int, fill: Row) -> Row:
        """A lot of what a fill is of, that comes in or goes out in kind a while before or after."""
        name = f"{fill['order_id']}-{number}"
        at = datetime.fromisoformat(fill["event_time"])
        goes = self._random.random() < 0.5
        brings = {
            "transfer_cost": self._random.choice(["100", "0", "12345.6789"]),
            "original_time": str(at - timedelta(days=self._random.choice([30, 700]))),
        }
        kept = ("exchange", "symbol", "side", "strategy_id", "account_id")
        return {
            **{column: fill[column] for column in kept if column in fill},
            **dict.fromkeys(("event_id", "order_id", "client_order_id", "trade_id"), name),
            **({} if goes else brings),
            "event_type": "transfer_out" if goes else "transfer_in",
            "event_time": str(at + timedelta(minutes=self._random.choice([-90, -1, 0, 45]))),
            "order_type": "transfer", "quantity": fill["fill_quantity"], "transfer_id": name,
        }  # fmt: skip

    @staticmethod
    def _event(seed: int, event: Row) -> Row:
        """The same event in the days of the walk, with ids that no other desk gives."""
        ids = {name: f"{seed}-{event[name]}" for name in IDS if event.get(name)}
        at = datetime.fromisoformat(event["event_time"]) - CASES_START + START
        return {"order_type": "limit", **event, **ids, "event_time": str(at)}

    @staticmethod
    def _tick(seed: int, tick: Row) -> Row:
        at = datetime.fromisoformat(tick["timestamp"]) - CASES_START + START
        number = seed * 10_000 + int(tick["trade_id"])
        return {**tick, "timestamp": str(at), "trade_id": str(number)}

    def events(self, count: int) -> list[Row]:
        """The next events, some of those before once more."""
        return self._next("events", self._events, count)

    def ticks(self, count: int) -> list[Row]:
        """The next prices, some of those before once more."""
        return self._next("ticks", self._ticks, count)

    def _next(self, name: str, rows: list[Row], count: int) -> list[Row]:
        first = self._given[name]
        again = self._random.sample(rows[:first], min(first, 2))
        self._given[name] = min(first + count, len(rows))
        return [*rows[first : first + count], *again]
