"""An independent model of lots: fractions, one event after the other, nothing shared with the code
under test."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

UNIT, MONEY = 10**10, 10**20


@dataclass
class OpenLot:
    number: int
    quantity: Fraction  # signed
    cost: Fraction  # signed like the quantity
    at: Any  # when it was acquired: the oldest comes first


@dataclass
class Lots:
    """The lots of one position by a method's definition."""

    method: str
    open: list[OpenLot] = field(default_factory=list)
    realized: Fraction = Fraction(0)
    closures: list[tuple[int, int, Fraction, Fraction]] = field(default_factory=list)
    number: int = 0

    @property
    def quantity(self) -> Fraction:
        return sum((lot.quantity for lot in self.open), Fraction(0))

    @property
    def cost(self) -> Fraction:
        return sum((lot.cost for lot in self.open), Fraction(0))

    def next(self) -> OpenLot:
        by_age = sorted(self.open, key=lambda lot: (lot.at, lot.number))
        if self.method == "lifo":
            return by_age[-1]
        if self.method != "hifo":
            return by_age[0]
        shown = [_half_up(lot.cost / lot.quantity * UNIT) for lot in by_age]
        best = max(shown) if self.open[0].quantity > 0 else min(shown)
        return by_age[shown.index(best)]

    def fill(self, signed: Fraction, price: Fraction, at: Any = None) -> None:
        """Close what is on the other side; what is left opens a lot."""
        self.number += 1
        signed = self._close(signed, price)
        if signed:
            at = self.number if at is None else at
            self.open.append(OpenLot(self.number, signed, self._kept(signed * price), at))

    def bring(self, signed: Fraction, cost: Fraction, at: Any) -> None:
        """What comes in kind is a fill at its own cost, of a time of its own."""
        self.fill(signed, cost / signed, at)

    def take(self, signed: Fraction, at: Any = None) -> None:
        """What goes out realises nothing; beyond what is held it costs the average."""
        cost, held = self.cost, self.quantity
        self.number += 1
        signed = self._close(signed, None)
        if signed:
            at = self.number if at is None else at
            paid = self._kept(cost / held * signed) if held else Fraction(0)
            self.open.append(OpenLot(self.number, signed, paid, at))

    def _close(self, signed: Fraction, price: Fraction | None) -> Fraction:
        average = self.cost / self.quantity if self.open else Fraction(0)
        while signed and self.open and self.open[0].quantity * signed < 0:
            lot = self.next()
            size = min(abs(signed), abs(lot.quantity)) * (1 if lot.quantity > 0 else -1)
            paid = size * average
            if self.method != "average":
                paid = lot.cost - self._kept((lot.quantity - size) * lot.cost / lot.quantity)
            own = Fraction(0) if price is None else size * price - paid
            self.closures.append((self.number, lot.number, size, own))
            self.realized += own
            lot.cost -= paid
            lot.quantity -= size
            signed += size
            if not lot.quantity:
                self.open.remove(lot)
            if self.method == "average":  # what is left stays at the average
                for other in self.open:
                    other.cost = other.quantity * average
        return signed

    def _kept(self, cost: Fraction) -> Fraction:
        """A cost as it is kept, where it says which lot comes first: of the smallest quantities the
        last digit is a whole unit of price."""
        return Fraction(_half_up(cost * MONEY), MONEY) if self.method == "hifo" else cost

    def split(self, ratio: Fraction) -> None:
        """Quantities keep ten decimals of their running sum; the cost and the order stay."""
        self.number += 1
        before = after = Fraction(0)
        pool, held = self.cost, self.quantity
        sizes = {lot.number: lot.quantity for lot in self.open}
        for lot in self.open:
            before += lot.quantity
            rounded = Fraction(_half_up(before * ratio * UNIT), UNIT)
            lot.quantity, after = rounded - after, rounded
        gone = [lot for lot in self.open if not lot.quantity]
        self.open = [lot for lot in self.open if lot.quantity]
        is_pooled = self.method == "average"
        for lot in self.open if is_pooled else []:
            lot.cost = pool * lot.quantity / self.quantity
        for lot in gone:
            lost = lot.cost
            if is_pooled:  # what is left carries the cost of all
                lost = Fraction(0) if self.open else pool * sizes[lot.number] / held
            self.closures.append((self.number, lot.number, sizes[lot.number], -lost))
            self.realized -= lost


def _half_up(value: Fraction) -> int:
    return (value + Fraction(1, 2)).__floor__()
