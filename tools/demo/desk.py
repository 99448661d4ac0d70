"""A desk trades one instrument on given prints and records the events of each order."""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import duckdb
import numpy as np

SECOND = 1_000_000
DAY = 86_400 * SECOND
SUBMIT_MICROS = 1_500
MOST_FILLS = 6

Event = dict[str, Any]
"""A canonical order event: money in units of 1e-8, `event_time` in microseconds since 1970."""


@dataclass(frozen=True)
class Prints:
    """Trades of one instrument in time order: microseconds, prices in units of 1e-8 and sizes."""

    exchange: str
    symbol: str
    times: np.ndarray
    prices: np.ndarray
    sizes: np.ndarray


def prints_of(exchange: str, symbol: str, found: duckdb.DuckDBPyConnection) -> Prints:
    """Return the rows of a query (times, prices, sizes as BIGINT, in time order) as prints."""
    columns = found.fetchnumpy()
    times, prices, sizes = (np.asarray(columns[name]) for name in ("times", "prices", "sizes"))
    return Prints(exchange, symbol, times, prices, sizes)


@dataclass(frozen=True)
class Terms:
    """Quantity and price steps and costs of an instrument, in units of 1e-8."""

    lot: int
    order_lots: int  # usual size of an order
    quote_currency: str
    base_currency: str | None = None  # set: the commission of a purchase is taken in it
    commission_per_unit: int = 0
    commission_ppm: int = 0  # of the notional, in millionths
    rebate_per_unit: int = 0  # paid to an order that rested in the book
    sell_fee_ppm: int = 0


@dataclass
class Desk:
    """One strategy's book in one instrument, with one order at a time, and all events so far."""

    strategy_id: str
    prints: Prints
    terms: Terms
    rng: Random
    position: int = 0
    placed: int = 0
    fills: int = 0
    left: int = 0  # the open order's quantity that is still to be filled
    last_filled: str | None = None
    events: list[Event] = field(default_factory=list)

    def time(self, index: int) -> int:
        """When the print at `index` happened."""
        return int(self.prints.times[index])

    def price_off(self, side: str, index: int, ppm: int) -> int:
        """A price on the grid, `ppm` millionths worse for the buyer or seller than the print.

        Worse means that the order waits: below the print for a purchase. Negative: it crosses.
        """
        price = int(self.prints.prices[index])
        grid = _grid(self.prints.prices[: index + 1])
        distance = max(1, price * abs(ppm) // 1_000_000 // grid) * grid
        return price - (distance if (side == "buy") == (ppm > 0) else -distance)

    def open(self, side: str, order_type: str, quantity: int, index: int, **values: Any) -> Event:
        """Create an order at the time of a print; return its values (`submit=False`: no more)."""
        self.placed += 1
        self.left = quantity
        submit = values.pop("submit", True)
        order = {
            "order_id": self._uuid(),
            "client_order_id": f"{self.strategy_id}-{self.prints.symbol}-{self.placed:05d}",
            "exchange": self.prints.exchange,
            "symbol": self.prints.symbol,
            "side": side,
            "order_type": order_type,
            "quantity": quantity,
            "strategy_id": self.strategy_id,
            "time_in_force": "day",
            "correlation_id": self._uuid(),
            **values,
        }
        start = self.time(index)
        self.record(order, "created", start)
        if submit:
            latency = self.rng.randint(SUBMIT_MICROS // 4, SUBMIT_MICROS)
            self.record(order, "submitted", start + latency)
        return order

    def record(self, order: Event, event_type: str, micros: int, **values: Any) -> Event:
        """Add one event of an order; nothing happens after the last print."""
        event = {
            **order,
            "event_type": event_type,
            "event_time": min(micros, int(self.prints.times[-1])),
            **values,
        }
        self.events.append(event)
        return event

    def fill_at_market(self, order: Event, index: int, end: int) -> Event:
        """Fill all of it on the prints that follow; return the last fill."""
        first = self._next_print(index, end)
        for at in range(first, end):
            if self._take(order, at, last=at == end - 1):
                break
        return self.events[-1]

    def fill_at_limit(self, order: Event, index: int, end: int) -> None:
        """Fill on the prints at its price or better; cancel what is left when the time is up."""
        first = self._next_print(index, end)
        prices, limit = self.prints.prices[first:end], order["price"]
        reached = np.flatnonzero(prices <= limit if order["side"] == "buy" else prices >= limit)
        for at in reached:
            if self._take(order, first + int(at), rested=True):
                return
        self.record(order, "cancelled", self.time(end), status_message="cancelled by the strategy")

    def undo(self, order: Event, fill: Event) -> None:
        """Remove a busted fill from the position."""
        self.position -= _signed(order, fill["fill_quantity"]) - _kept(fill, self.terms)

    def _next_print(self, index: int, end: int) -> int:
        arrived = self.time(index) + SUBMIT_MICROS
        return min(int(np.searchsorted(self.prints.times, arrived, side="right")), end - 1)

    def _take(self, order: Event, at: int, *, last: bool = False, rested: bool = False) -> bool:
        """Fill against one print; `last` fills the whole rest; true when the order is filled."""
        # The print's size alone would give tiny fills, so a fill is at least a share of the order.
        least = -(-order["quantity"] // self.terms.lot // (MOST_FILLS - 1)) * self.terms.lot
        size = int(self.prints.sizes[at]) // self.terms.lot * self.terms.lot
        quantity = self.left if last else min(self.left, max(size, least))
        self.left -= quantity
        self.fills += 1
        price = int(self.prints.prices[at])
        fill = self.record(
            order,
            "partial_fill" if self.left else "fill",
            max(self.time(at), self.events[-1]["event_time"]),
            trade_id=self._uuid(),
            exchange_trade_id=f"{self.strategy_id[:2].upper()}{self.fills:07d}",
            fill_quantity=quantity,
            fill_price=price,
            **self._costs(order["side"], quantity, price, rested=rested),
        )
        self.position += _signed(order, quantity) - _kept(fill, self.terms)
        if self.left == 0:
            self.last_filled = order["order_id"]
        return self.left == 0

    def _costs(self, side: str, quantity: int, price: int, *, rested: bool) -> dict[str, Any]:
        terms, unit = self.terms, 100_000_000
        notional = quantity * price // unit
        in_base = terms.base_currency is not None and side == "buy"
        if rested and terms.rebate_per_unit:
            commission = -quantity * terms.rebate_per_unit // unit
        else:
            share = (quantity if in_base else notional) * terms.commission_ppm // 1_000_000
            commission = quantity * terms.commission_per_unit // unit + share
        fee = notional * terms.sell_fee_ppm // 1_000_000 if side == "sell" else 0
        return {
            "commission": commission,
            "commission_currency": terms.base_currency if in_base else terms.quote_currency,
            "fees": fee,
        }

    def _uuid(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))


def _grid(prices: np.ndarray) -> int:
    """Return the price step: the largest power of ten that divides the last prices."""
    grid = 1
    while grid < 10**10 and not np.any(prices[-200:] % (grid * 10)):
        grid *= 10
    return grid


def _signed(order: Event, quantity: int) -> int:
    return quantity if order["side"] == "buy" else -quantity


def _kept(fill: Event, terms: Terms) -> int:
    """Return the quantity that the exchange keeps as commission in the base currency."""
    if terms.base_currency and fill["commission_currency"] == terms.base_currency:
        return int(fill["commission"])
    return 0
