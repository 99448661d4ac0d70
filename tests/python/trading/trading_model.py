"""An independent model of the accounting: fractions, one event after the other, nothing shared with
the code under test."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction


def rounded(value: Fraction, digits: int = 8) -> Decimal:
    """Half up, away from zero."""
    scaled = abs(value) * 10**digits
    whole = (scaled + Fraction(1, 2)).__floor__()
    with localcontext() as context:
        context.prec = 60
        result = Decimal(whole).scaleb(-digits)
        return (-result if value < 0 else result).quantize(
            Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP
        )


@dataclass
class Position:
    """Average-cost netting of one key, by its definition: lots are averaged, closing realises."""

    quantity: Fraction = Fraction(0)
    average: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    own: Fraction | None = None
    trips: list[dict] = field(default_factory=list)

    def fill(self, signed: Fraction, price: Fraction) -> None:
        self.own = None
        if self.quantity * signed < 0:
            closed = min(abs(signed), abs(self.quantity))
            direction = 1 if self.quantity > 0 else -1
            self.own = (price - self.average) * closed * direction
            self.realized += self.own
            self.quantity -= direction * closed
            signed += direction * closed
            if self.quantity == 0:
                self.average = Fraction(0)
        if signed:
            total = self.quantity * self.average + signed * price
            self.quantity += signed
            self.average = total / self.quantity

    def bring(self, signed: Fraction, cost: Fraction) -> None:
        """What comes in kind is a fill at its own cost."""
        self.fill(signed, cost / signed)

    def take(self, signed: Fraction) -> None:
        """What goes out leaves at the average; beyond what was held too."""
        self.own = None
        self.quantity += signed
        if not self.quantity:
            self.average = Fraction(0)

    def split(self, ratio: Fraction) -> None:
        """The quantity keeps 10 decimals; what is left carries the cost, nothing realises it."""
        cost = self.quantity * self.average
        held = self.quantity * ratio * 10**10
        self.quantity = Fraction((held + Fraction(1, 2)).__floor__(), 10**10)
        if not self.quantity:
            self.realized -= cost
        self.average = cost / self.quantity if self.quantity else Fraction(0)
