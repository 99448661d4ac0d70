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

    @property
    def held(self) -> Fraction:
        """What it does to the quantity held."""
        return self.signed - (self.commission if self.takes_from_holding else 0)


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
class Trip:
    """A position from flat to flat; its prices and sizes are those of its fills."""

    opened_at: datetime
    side: str
    entries: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    exits: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    realized: Fraction = Fraction(0)
    commission: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    closed_at: datetime | None = None


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
        ratio = Fraction(1)
        for split_at, new_per_old in self.splits.get(key, []):
            if known_at <= split_at <= at:
                ratio *= new_per_old
        return Fraction((price / ratio * 10**8 + Fraction(1, 2)).__floor__(), 10**8)

    def rate(self, currency: str, at: datetime) -> Fraction:
        """Dollars for one unit; USDT is pegged."""
        if currency in ("USD", "USDT"):
            return Fraction(1)
        price = self.price(self.pairs[currency], at)
        assert price is not None
        return price

    def events(
        self, instrument: Instrument, strategy: str
    ) -> list[Trade | tuple[datetime, Fraction]]:
        """Fills and splits of a key in order; a split comes before what is traded at its time."""
        splits = self.splits.get((instrument.exchange, instrument.symbol), [])
        timed = [(trade.at, 1, trade) for trade in self.keys[instrument, strategy]]
        timed += [(at, 0, (at, ratio)) for at, ratio in splits]  # type: ignore[misc]
        return [event for _, _, event in sorted(timed, key=lambda event: event[:2])]

    def held(self, instrument: Instrument, strategy: str, at: datetime) -> Held:
        """What was held at a time, the fills and splits of that time included."""
        position = Position()
        for event in self.events(instrument, strategy):
            if isinstance(event, tuple):
                if event[0] <= at:
                    position.split(event[1])
            elif event.at <= at:
                position.fill(event.held, event.price)
        return Held(position, self.price((instrument.exchange, instrument.symbol), at))

    def trips(self, instrument: Instrument, strategy: str) -> list[Trip]:
        """Those that have ended; a fill through zero shares its charges by quantity."""
        ended: list[Trip] = []
        trip: Trip | None = None
        position = Position()
        for event in self.events(instrument, strategy):
            if isinstance(event, tuple):
                position.split(event[1])
                continue
            before = position.quantity
            position.fill(event.held, event.price)
            size, left = abs(event.held), Fraction(1)
            if trip and before * event.held < 0:
                closed = min(size, abs(before))
                trip.exits.append((closed, event.price))
                trip.realized += (position.own or 0) * instrument.multiplier
                trip.commission += self.commission(event) * closed / size
                trip.fees += event.fees * closed / size
                size, left = size - closed, 1 - closed / size
                if closed == abs(before):
                    trip.closed_at = event.at
                    ended.append(trip)
                    trip = None
            if size:
                trip = trip or Trip(event.at, "long" if event.held > 0 else "short")
                trip.entries.append((size, event.price))
                trip.commission += self.commission(event) * left
                trip.fees += event.fees * left
        return ended

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
