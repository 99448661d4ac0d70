"""An independent model of whole accounts, in fractions: several instruments, currencies, splits."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from .trading_model import Position, rounded

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Instrument:
    exchange: str
    symbol: str
    base: str | None
    quote: str
    multiplier: int = 1
    margined: bool = False
    inverse: bool = False  # `quote` is what it settles in

    def cost(self, price: Fraction) -> Fraction:
        """What one unit costs at a price: of an inverse contract less than nothing."""
        return -1 / price if self.inverse and price else price

    def price(self, cost: Fraction) -> Fraction:
        """The price at which one unit costs so much."""
        return self.cost(cost) if cost else cost


def within(strategy: str, position: Position, moved: Fraction) -> Fraction:
    """What counts of a quantity: a position of one side (`alpha/long`) ends at nothing."""
    sign = {"long": 1, "short": -1}.get(strategy.partition("/")[2], 0)
    return -position.quantity if sign * (position.quantity + moved) < 0 else moved


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

    def move(self, position: Position) -> Fraction:
        """Do to a position what it does; how much of it counts."""
        moved = within(self.strategy, position, self.held)
        if moved:
            position.fill(moved, self.instrument.cost(self.price))
        return moved

    @property
    def takes_from_holding(self) -> bool:
        it = self.instrument
        return self.currency == it.base and not it.margined

    @property
    def held(self) -> Fraction:
        """What it does to the quantity held."""
        return self.signed - (self.commission if self.takes_from_holding else 0)


@dataclass(frozen=True)
class Transfer:
    """What comes in kind at a cost of its own, or goes out (a cost of None)."""

    at: datetime
    instrument: Instrument
    strategy: str
    signed: Fraction  # what it does to the quantity held
    cost: Fraction | None  # in all, with the multiplier, positive
    since: datetime  # when it was acquired

    def move(self, position: Position) -> Fraction:
        """Do to a position what it does; how much of it counts."""
        if self.cost is not None:
            position.bring(self.signed, self.cost_signed)
            return self.signed
        moved = within(self.strategy, position, self.signed)
        position.take(moved)
        return moved

    @property
    def cost_signed(self) -> Fraction:
        """Without the multiplier, signed as what it brings."""
        assert self.cost is not None
        cost = self.cost / self.instrument.multiplier
        return cost if (self.signed > 0) != self.instrument.inverse else -cost


@dataclass(frozen=True)
class Cash:
    """Cash of an instrument; a strategy of None: of all that held it just before it accrued."""

    at: datetime
    accrued: datetime
    instrument: Instrument
    strategy: str | None
    kind: str
    amount: Fraction
    currency: str

    @property
    def part(self) -> str:
        return {"fee": "fees", "commission_adjustment": "commission"}.get(self.kind, "carry")


@dataclass
class Held:
    """What a key is at a time."""

    position: Position
    price: Fraction | None
    instrument: Instrument

    def value(self) -> Fraction | None:
        if self.price is None:
            return None
        it = self.instrument
        return self.position.quantity * it.cost(self.price) * it.multiplier

    def cost(self) -> Fraction:
        return self.position.quantity * self.position.average * self.instrument.multiplier


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
    carry: Fraction = Fraction(0)
    closed_at: datetime | None = None
    fills: int = 0


@dataclass
class Account:
    trades: list[Trade]
    flows: list[tuple[datetime, Fraction]]
    ticks: dict[tuple[str, str], list[tuple[datetime, Fraction]]]
    splits: dict[tuple[str, str], list[tuple[datetime, Fraction]]]
    pairs: dict[str, tuple[str, str]]  # currency: the pair that says what it is worth in dollars
    cash_events: list[Cash] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    keys: dict[tuple[Instrument, str], list[Trade]] = field(init=False)

    def __post_init__(self) -> None:
        keys: dict[tuple[Instrument, str], list[Trade]] = defaultdict(list)
        for trade in sorted(self.trades, key=lambda trade: trade.at):
            keys[trade.instrument, trade.strategy].append(trade)
        for transfer in self.transfers:
            keys[transfer.instrument, transfer.strategy]
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
        return price / ratio

    def rate(self, currency: str, at: datetime) -> Fraction:
        """Dollars for one unit; USDT is pegged."""
        if currency in ("USD", "USDT"):
            return Fraction(1)
        price = self.price(self.pairs[currency], at)
        assert price is not None
        return price

    def events(
        self, instrument: Instrument, strategy: str
    ) -> list[Trade | Transfer | tuple[datetime, Fraction]]:
        """What happens to a key in order; a split comes before what is traded at its time."""
        splits = self.splits.get((instrument.exchange, instrument.symbol), [])
        timed = [(trade.at, 1, trade) for trade in self.keys[instrument, strategy]]
        timed += [
            (transfer.at, 1, transfer)  # type: ignore[misc]
            for transfer in self.transfers
            if (transfer.instrument, transfer.strategy) == (instrument, strategy)
        ]
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
                event.move(position)
        price = self.price((instrument.exchange, instrument.symbol), at)
        return Held(position, price, instrument)

    def shares(self, cash: Cash) -> dict[str, Fraction]:
        """What of it belongs to each strategy; nothing where none had ever held it."""
        before = cash.accrued - timedelta(microseconds=1)
        held = {
            strategy: self.held(cash.instrument, strategy, before).position.quantity
            for instrument, strategy in sorted(self.keys, key=lambda key: key[1])
            if instrument == cash.instrument
            and cash.strategy in (None, strategy.partition("/")[0])
            and self.last_event(instrument, strategy, before)
        }
        if not held:
            return {}
        weights = {strategy: quantity for strategy, quantity in held.items() if quantity}
        if not weights:
            newest = max(held, key=lambda s: (self.last_event(cash.instrument, s, before), s))
            return {newest: cash.amount}
        if not sum(weights.values()):
            weights = {strategy: abs(quantity) for strategy, quantity in weights.items()}
        total = sum(weights.values())
        shares = {s: Fraction(rounded(cash.amount * w / total, 8)) for s, w in weights.items()}
        *others, last = shares
        shares[last] = cash.amount - sum(shares[s] for s in others)
        return shares

    def last_event(self, instrument: Instrument, strategy: str, at: datetime) -> datetime | None:
        """When the position changed last, up to a time; a split of nothing changes nothing."""
        last, position = None, Position()
        for event in self.events(instrument, strategy):
            when = event[0] if isinstance(event, tuple) else event.at
            if when > at:
                break
            if isinstance(event, tuple):
                last = when if position.quantity else last
                position.split(event[1])
            else:
                last = when if event.move(position) or last else last
        return last

    def brought(self) -> list[tuple[datetime, Fraction, str]]:
        """What came in kind, less what went out: at its price then, else its cost; its currency."""
        found = []
        for it in self.transfers:
            before = self.held(it.instrument, it.strategy, it.at - timedelta(microseconds=1))
            average = before.position.average
            moved = it.move(before.position)
            cost = average * moved if it.cost is None else it.cost_signed
            price = self.price((it.instrument.exchange, it.instrument.symbol), it.at)
            worth = cost if price is None else it.instrument.cost(price) * moved
            worth -= cost if it.instrument.margined else 0
            found.append((it.at, worth * it.instrument.multiplier, it.instrument.quote))
        return found

    def paid(self, instrument: Instrument, strategy: str, part: str, at: datetime) -> Fraction:
        """Carry that was earned, or commission and fees that were adjusted, in quote currency."""
        return sum(
            (
                share * self.rate(cash.currency, cash.at) / self.rate(instrument.quote, cash.at)
                for cash in self.cash_events
                if cash.instrument == instrument and cash.part == part and cash.at <= at
                for owner, share in self.shares(cash).items()
                if owner == strategy
            ),
            Fraction(0),
        )

    def trips(self, instrument: Instrument, strategy: str) -> list[Trip]:
        """Those that have ended; a fill through zero shares its charges by quantity."""
        ended: list[Trip] = []
        begun: list[Trip] = []
        trip: Trip | None = None
        position = Position()
        for event in self.events(instrument, strategy):
            if isinstance(event, tuple):
                position.split(event[1])
                continue
            before, average = position.quantity, position.average
            moved = event.move(position)
            if not moved:
                continue
            if isinstance(event, Trade):
                price, commission, fees = event.price, self.commission(event), event.fees
            else:
                commission, fees = Fraction(0), Fraction(0)
                cost = average if event.cost is None else event.cost_signed / event.signed
                price = instrument.price(cost)
            size, left = abs(moved), Fraction(1)
            if trip and before * moved < 0:
                closed = min(size, abs(before))
                trip.exits.append((closed, price))
                trip.fills += isinstance(event, Trade)
                trip.realized += (position.own or 0) * instrument.multiplier
                trip.commission += commission * closed / size
                trip.fees += fees * closed / size
                size, left = size - closed, 1 - closed / size
                if closed == abs(before):
                    trip.closed_at = event.at
                    ended.append(trip)
                    trip = None
            if size:
                if trip is None:
                    trip = Trip(event.at, "long" if moved > 0 else "short")
                    begun.append(trip)
                trip.entries.append((size, price))
                trip.fills += isinstance(event, Trade)
                trip.commission += commission * left
                trip.fees += fees * left
        for cash in self.cash_events:
            share = self.shares(cash).get(strategy) if cash.instrument == instrument else None
            if share is None:
                continue
            share *= self.rate(cash.currency, cash.at) / self.rate(instrument.quote, cash.at)
            owner = [each for each in begun if each.opened_at < cash.accrued][-1]
            owner.carry += share if cash.part == "carry" else 0
            owner.commission -= share if cash.part == "commission" else 0
            owner.fees -= share if cash.part == "fees" else 0
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
        for cash in self.cash_events:
            total += cash.amount * self.rate(cash.currency, at) if cash.at <= at else 0
        for (instrument, strategy), trades in self.keys.items():
            own = Fraction(0)
            counted = self.counted(instrument, strategy)
            for trade in trades:
                if trade.at > at:
                    continue
                own -= trade.fees + self.commission(trade)
                if not instrument.margined:
                    own -= counted[trade.at] * trade.price * instrument.multiplier
            if instrument.margined:
                own += self.held(instrument, strategy, at).position.realized * instrument.multiplier
            total += own * self.rate(instrument.quote, at) if own else 0
        return total

    def counted(self, instrument: Instrument, strategy: str) -> dict[datetime, Fraction]:
        """What each trade did to the quantity held."""
        position, counted = Position(), {}
        for event in self.events(instrument, strategy):
            if isinstance(event, tuple):
                position.split(event[1])
            else:
                counted[event.at] = event.move(position)
        return counted

    def booked(self) -> list[tuple[datetime, str, Fraction]]:
        """Every movement of the ledger but flows in dollars, in its own currency."""
        booked = [(cash.at, cash.currency, cash.amount) for cash in self.cash_events]
        for instrument, strategy in self.keys:
            position = Position()
            for event in self.events(instrument, strategy):
                if isinstance(event, tuple):
                    position.split(event[1])
                    continue
                realized, cost = position.realized, position.quantity * position.average
                event.move(position)
                amount = position.realized - realized
                if isinstance(event, Transfer) and not instrument.margined:
                    # the flow, less what it had earned elsewhere: its cost
                    amount += position.quantity * position.average - cost - amount
                amount *= instrument.multiplier
                if isinstance(event, Trade):
                    amount -= self.commission(event) + event.fees
                booked.append((event.at, instrument.quote, amount))
        return booked

    def currency_gain(self, currency: str, at: datetime) -> Fraction:
        """What the rate did to each movement since."""
        return sum(
            (
                amount * (self.rate(currency, at) - self.rate(currency, then))
                for then, name, amount in self.booked()
                if name == currency and then <= at
            ),
            Fraction(0),
        )

    def equity(self, at: datetime) -> Fraction:
        total = self.cash(at)
        for instrument, strategy in self.keys:
            held = self.held(instrument, strategy, at)
            if not held.position.quantity:
                continue
            value, cost = held.value(), held.cost()
            worth = cost if value is None else value
            worth -= cost if instrument.margined else 0
            total += worth * self.rate(instrument.quote, at)
        return total
