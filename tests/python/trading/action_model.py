"""An independent model of positions, round trips and lots over corporate actions, in fractions."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from .lot_model import Lots, OpenLot
from .trading_model import Position

Key = tuple[str, str, str]  # account, symbol, strategy


@dataclass(frozen=True)
class Fill:
    at: datetime
    account: str
    symbol: str
    strategy: str
    signed: Fraction
    price: Fraction


@dataclass(frozen=True)
class Action:
    at: datetime
    kind: str
    symbol: str
    ratio: Fraction | None = None
    new_symbol: str | None = None
    cash_amount: Fraction | None = None
    cost_share: Fraction | None = None


@dataclass
class Trip:
    opened_at: datetime
    entered: Fraction = Fraction(0)
    exited: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    fills: int = 0
    symbol: str = ""
    closed_at: datetime | None = None


@dataclass
class Book:
    position: Position = field(default_factory=Position)
    lots: Lots | None = None
    trip: Trip | None = None


KINDS = ["split", "stock_dividend", "spin_off", "symbol_change", "cash_in_lieu"]


@dataclass
class Desk:
    """All books of all accounts; `methods` says whose lots are kept, and how."""

    methods: dict[str, str]
    books: dict[Key, Book] = field(default_factory=dict)
    ended: list[tuple[Key, Trip]] = field(default_factory=list)
    moves: list[tuple[datetime, Key]] = field(default_factory=list)
    cash: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def run(self, fills: list[Fill], actions: list[Action]) -> None:
        """An action comes before what is traded at its time; of two spin-offs the first by name."""
        timed = [((a.at, 0, KINDS.index(a.kind), a.new_symbol or ""), a) for a in actions]
        happens: list[tuple[tuple[datetime, int, int, str], Fill | Action]] = [*timed]
        happens += [((fill.at, 1, 0, ""), fill) for fill in fills]
        for _, it in sorted(happens, key=lambda pair: pair[0]):
            self.trade(it) if isinstance(it, Fill) else self.act(it)

    def book(self, key: Key) -> Book:
        if key not in self.books:
            method = self.methods.get(key[0])
            self.books[key] = Book(lots=Lots(method) if method else None)
        return self.books[key]

    def trade(self, fill: Fill) -> None:
        key = fill.account, fill.symbol, fill.strategy
        self.fill(key, fill.at, fill.signed, fill.price)

    def fill(
        self, key: Key, at: datetime, signed: Fraction, price: Fraction, *, counts: int = 1
    ) -> None:
        book = self.book(key)
        position, before = book.position, book.position.quantity
        position.fill(signed, price)
        if book.lots:
            book.lots.fill(signed, price, at)
        self.cash[key[0]] -= signed * price
        left = abs(signed)
        if before * signed < 0:
            assert book.trip
            size = min(left, abs(before))
            book.trip.exited += size
            book.trip.realized += position.own or 0
            book.trip.fills += counts
            left -= size
            if size == abs(before):
                book.trip.closed_at, book.trip.symbol = at, key[1]
                self.ended.append((key, book.trip))
                book.trip = None
        if left:
            book.trip = book.trip or Trip(at)
            book.trip.entered += left
            book.trip.fills += counts

    def act(self, action: Action) -> None:
        for key in [key for key in self.books if key[1] == action.symbol]:
            book = self.books[key]
            if action.kind in ("split", "stock_dividend"):
                assert action.ratio
                ratio = action.ratio + (action.kind == "stock_dividend")
                book.position.split(ratio)
                if book.lots:
                    book.lots.split(ratio)
            elif action.kind == "cash_in_lieu":
                held = book.position.quantity
                part = (abs(held) - abs(held).__floor__()) * (1 if held > 0 else -1)
                if part:
                    assert action.cash_amount is not None
                    self.fill(key, action.at, -part, action.cash_amount, counts=0)
            elif action.kind == "spin_off":
                self.spin_off(action, key)
            elif book.position.quantity:
                assert action.new_symbol
                self.rename(action.at, key, (key[0], action.new_symbol, key[2]))

    def spin_off(self, action: Action, old: Key) -> None:
        """A share of the cost goes to new shares, lot by lot."""
        assert action.new_symbol
        assert action.ratio
        assert action.cost_share is not None
        book, share = self.books[old], action.cost_share
        held = book.position.quantity
        if not held:
            return
        other = self.book((old[0], action.new_symbol, old[2]))
        came = _ten_decimals(held * action.ratio)
        other.position.bring(came, held * book.position.average * share)
        book.position.average *= 1 - share
        other.trip = other.trip or Trip(action.at)
        other.trip.entered += abs(came)
        if book.lots and other.lots:
            average = book.lots.cost / book.lots.quantity
            before = after = Fraction(0)
            for lot in book.lots.open:
                if book.lots.method == "average":
                    lot.cost = lot.quantity * average
                before += lot.quantity
                size, after = (
                    _ten_decimals(before * action.ratio) - after,
                    _ten_decimals(before * action.ratio),
                )
                cost = lot.cost * share
                other.lots.open.append(OpenLot(lot.number - 10**9, size, cost, lot.at))
                lot.cost -= cost

    def rename(self, at: datetime, old: Key, new: Key) -> None:
        """All that is held is held under another symbol: cost, time, lots and trip."""
        book, other = self.books[old], self.book(new)
        assert not other.position.quantity
        held, cost = book.position.quantity, book.position.quantity * book.position.average
        book.position.take(-held)
        other.position.bring(held, cost)
        other.trip, book.trip = book.trip, None
        self.moves += [(at, old), (at, new)]
        if book.lots and other.lots:
            other.lots.open, book.lots.open = book.lots.open, []
            for number, lot in enumerate(other.lots.open):
                lot.number = number - 10**6


def _ten_decimals(value: Fraction) -> Fraction:
    return Fraction((value * 10**10 + Fraction(1, 2)).__floor__(), 10**10)
