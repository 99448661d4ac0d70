"""An independent model of whole accounts, in fractions: several instruments, currencies, splits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from .trading_model import Position

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Instrument:
    exchange: str
    symbol: str
    base: str | None
    quote: str
    multiplier: int = 1
    margined: bool = False


@dataclass
class Trade:
    """A fill as it counts in the end; commission in a currency of its own."""

    at: datetime
    instrument: Instrument
    strategy: str
    signed: Fraction
    price: Fraction
    commission: Fraction
    currency: str
    fees: Fraction = Fraction(0)

    @property
    def takes_from_holding(self) -> bool:
        it = self.instrument
        return self.currency == it.base and not it.margined


@dataclass
class Held:
    """What a key is at a time."""

    position: Position
    price: Fraction | None

    def value(self, multiplier: int) -> Fraction | None:
        return None if self.price is None else self.position.quantity * self.price * multiplier

    def cost(self, multiplier: int) -> Fraction:
        return self.position.quantity * self.position.average * multiplier


@dataclass
class Account:
    trades: list[Trade]
    flows: list[tuple[datetime, Fraction]]
    ticks: dict[tuple[str, str], list[tuple[datetime, Fraction]]]
    splits: dict[tuple[str, str], list[tuple[datetime, Fraction]]]
    pairs: dict[str, tuple[str, str]]  # currency: the pair that says what it is worth in dollars
    keys: dict[tuple[Instrument, str], list[Trade]] = field(init=False)

    def __post_init__(self) -> None:
        keys: dict[tuple[Instrument, str], list[Trade]] = defaultdict(list)
        for trade in sorted(self.trades, key=lambda trade: trade.at):
            keys[trade.instrument, trade.strategy].append(trade)
        self.keys = dict(keys)

    def price(self, key: tuple[str, str], at: datetime) -> Fraction | None:
        """The last price of a minute that had ended; one from before a split is of old shares."""
        known = [(t.replace(second=0) + MINUTE, t, p) for t, p in self.ticks.get(key, [])]
        known = [entry for entry in known if entry[0] <= at]
        if not known:
            return None
        known_at, _, price = max(known)
        for split_at, ratio in self.splits.get(key, []):
            if known_at <= split_at <= at:
                price = Fraction(round(price / ratio * 10**8), 10**8)
        return price

    def rate(self, currency: str, at: datetime) -> Fraction:
        """Dollars for one unit; USDT is pegged."""
        if currency in ("USD", "USDT"):
            return Fraction(1)
        price = self.price(self.pairs[currency], at)
        assert price is not None
        return price

    def held(self, instrument: Instrument, strategy: str, at: datetime) -> Held:
        """What was held at a time, the fills and splits of that time included."""
        key = (instrument.exchange, instrument.symbol)
        events = [(t.at, 1, t) for t in self.keys[instrument, strategy] if t.at <= at]
        events += [(t, 0, ratio) for t, ratio in self.splits.get(key, []) if t <= at]  # type: ignore[misc]
        position = Position()
        for _, _, event in sorted(events, key=lambda event: event[:2]):
            if isinstance(event, Fraction):
                position.split(event)
            else:
                taken = event.commission if event.takes_from_holding else Fraction(0)
                position.fill(event.signed - taken, event.price)
        return Held(position, self.price(key, at))

    def commission(self, trade: Trade) -> Fraction:
        """In the quote currency: at the rate of the trade's own time."""
        if trade.takes_from_holding:
            return trade.commission * trade.price * trade.instrument.multiplier
        if trade.currency == trade.instrument.quote:
            return trade.commission
        return (
            trade.commission
            * self.rate(trade.currency, trade.at)
            / self.rate(trade.instrument.quote, trade.at)
        )

    def cash(self, at: datetime) -> Fraction:
        """In dollars, each currency at the rate of that time."""
        total = sum((amount for t, amount in self.flows if t <= at), Fraction(0))
        for (instrument, strategy), trades in self.keys.items():
            own = Fraction(0)
            for trade in trades:
                if trade.at > at:
                    continue
                own -= trade.fees
                if not trade.takes_from_holding:
                    own -= self.commission(trade)
                if not instrument.margined:
                    own -= trade.signed * trade.price * instrument.multiplier
            if instrument.margined:
                own += self.held(instrument, strategy, at).position.realized * instrument.multiplier
            total += own * self.rate(instrument.quote, at) if own else 0
        return total

    def equity(self, at: datetime) -> Fraction:
        total = self.cash(at)
        for instrument, strategy in self.keys:
            held = self.held(instrument, strategy, at)
            if not held.position.quantity:
                continue
            value, cost = held.value(instrument.multiplier), held.cost(instrument.multiplier)
            worth = cost if value is None else value
            worth -= cost if instrument.margined else 0
            total += worth * self.rate(instrument.quote, at)
        return total
