"""What others published: fills, and what a position was after each of them."""

import csv
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

DATA = Path(__file__).parent / "data"
FILES = ("lean_cash_fills_expected.csv", "barter_position_sequences.csv")
# The fill itself; every other column is a published value.
FILL = {"symbol", "trade_id", "executed_at", "side", "quantity", "price", "commission"}
ABOUT = {"sequence", "source"}
LEAN_NAMES = {
    "exp_position_qty": "position_qty",
    "exp_avg_entry": "avg_entry_price",
    "exp_cum_gross": "cum_gross_realized",
    "exp_cum_net": "cum_net_realized",
    "exp_equity_at_fill_price": "equity",
}
STARTED_WITH = 100_000  # Lean's cash before the first fill


class PublishedFill(dict[str, str]):
    """A row of a file, by Lean's column names."""

    @property
    def signed(self) -> Fraction:
        return Fraction(self["quantity"]) * (1 if self["side"].lower() == "buy" else -1)

    def expected(self) -> dict[str, Fraction | bool]:
        """Every value that was published for it."""
        return {
            name: text == "True" if text in ("True", "False") else Fraction(text)
            for name, text in self.items()
            if name not in FILL | ABOUT and text
        }


def published_fills(name: str) -> list[PublishedFill]:
    with (DATA / name).open() as file:
        return [
            PublishedFill({LEAN_NAMES.get(column, column): text for column, text in row.items()})
            for row in csv.DictReader(file)
        ]


def all_published() -> Iterator[PublishedFill]:
    for name in FILES:
        yield from published_fills(name)


def sequences(name: str) -> dict[str, list[PublishedFill]]:
    """The fills of each symbol, in order."""
    found: dict[str, list[PublishedFill]] = {}
    for fill in published_fills(name):
        found.setdefault(fill["symbol"], []).append(fill)
    return found
