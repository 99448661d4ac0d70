"""Positions that corporate actions link: one book for each symbol, folded together in time order.

Units are those of python_ingest.accounting.fold.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from python_ingest.accounting.fold import (
    Moved,
    States,
    Transfer,
    after_split,
    costs_within,
    fold,
    share_of_cost,
    that_fit,
    within_side,
)

SYMBOL_OUT = "symbol_out"  # all that is held goes to another symbol
SYMBOL_IN = "symbol_in"  # and comes from it, with its cost and the time at which it was opened
SPIN_OFF_OUT = "spin_off_out"  # a share of the cost goes to another symbol
SPIN_OFF_IN = "spin_off_in"  # and comes, with ratio new units for one
CASH_IN_LIEU = "cash_in_lieu"  # the fraction of a share is sold, at the event's price
WHOLE = 10**10


class Opening(NamedTuple):
    """Where the open position of a book was opened."""

    step: int  # the event, from 1; 0: before all events
    symbols: tuple[str | None, ...]  # the books in which it was open then, one of them first


def earlier(one: Opening | None, other: Opening) -> Opening:
    """Which of two was first; of what was open before all events it may be any."""
    if one is None or one.step > other.step:
        return other
    symbols = one.symbols + other.symbols if one.step == other.step else one.symbols
    return Opening(one.step, tuple(dict.fromkeys(symbols)))


@dataclass
class Book:
    """What is held of one symbol, what that cost and earned; None where it has no room."""

    symbol: str | None = None
    quantity: int | None = 0
    cost: int | None = 0
    realized: int | None = 0
    opening: Opening | None = field(init=False)

    def __post_init__(self) -> None:
        """Open before all events is what is held at the beginning."""
        self.opening = Opening(0, (self.symbol,)) if self.quantity else None


class BookEvents(NamedTuple):
    """What happens to the books, in order, as columns of one length."""

    quantity: list[int]
    price: list[int]
    ratio: list[int | None]
    moved: list[Moved]
    symbol: list[str | None]
    action: list[str | None]  # None for a fill, a transfer and a split
    share: list[int | None]  # of the cost that a spin-off takes, in 1e-8


class BookStates(NamedTuple):
    """One entry per event: the state of its own book after it."""

    quantity: list[int | None]
    average: list[int | None]
    cost: list[int | None]
    realized: list[int | None]
    opening: list[Opening | None]  # of what a new symbol took over


class _Given(NamedTuple):
    """What one leg of an action hands to the other."""

    quantity: int | None = 0
    cost: int | None = 0
    opening: Opening | None = None


def fold_books(books: Iterable[Book], events: BookEvents, *, side: int = 0) -> BookStates:
    """Return the state of its book after every event.

    Events are those of `fold`, each of one book, and the legs of corporate actions, two and two:
    what comes is what the leg before it gave. Cash in lieu has one leg. side: as in `within_side`,
    0 for no side. Money that has no room is None from its event on, as it is when it was None
    before, and so is a quantity.
    """
    if events.symbol[:1] == [None] and not any(events.action):  # nothing links it
        (book,) = tuple(books) or (Book(),)
        states = _folded(book, *events[:4], side)
        quantity, average, cost, realized = map(list, states)
        return BookStates(quantity, average, cost, realized, [None] * len(quantity))
    return _Fold({book.symbol: book for book in books}, events, side).run()


def _folded(  # noqa: PLR0913, PLR0917 - columns of events
    book: Book, quantities: list[int], prices: list[int], ratios: list[int | None],
    moved: list[Moved], side: int,
) -> Sequence[Sequence[int | None]]:  # fmt: skip
    """Quantity, average, cost and what was realised after each event of one book."""
    if side:
        kept = within_side(quantities, ratios, side, quantity=book.quantity or 0)
        moved = costs_within(moved, quantities, kept)
        quantities = kept
    states = fold(
        quantities, prices, ratios, moved,
        quantity=book.quantity or 0, cost=book.cost or 0, realized=book.realized or 0,
    )  # fmt: skip
    return _fitting(book, states)


def _fitting(book: Book, states: States) -> Sequence[Sequence[int | None]]:
    return that_fit(
        states,
        known_quantity=book.quantity is not None,
        is_known=None not in (book.quantity, book.cost, book.realized),
    )


class _Fold:
    def __init__(self, books: dict[str | None, Book], events: BookEvents, side: int) -> None:
        self.books, self.events, self.side = books, events, side
        self.known: tuple[list[int | None], ...] = tuple(
            [None] * len(events.symbol) for _ in range(4)
        )
        self.openings: list[Opening | None] = [None] * len(events.symbol)
        self.waiting: defaultdict[str | None, list[int]] = defaultdict(list)
        self.given = _Given()

    def run(self) -> BookStates:
        names = zip(self.events.symbol, self.events.action, strict=True)
        for at, (symbol, action) in enumerate(names):
            if action is None:
                self.waiting[symbol].append(at)
                continue
            self._catch_up(symbol)
            book = self.books.setdefault(symbol, Book(symbol))
            legs = {
                CASH_IN_LIEU: self._sell_fraction, SYMBOL_OUT: self._go,
                SPIN_OFF_OUT: self._spin_off,
            }  # fmt: skip
            legs.get(action, self._come)(book, at)
        for symbol in list(self.waiting):
            self._catch_up(symbol)
        quantity, average, cost, realized = self.known
        return BookStates(quantity, average, cost, realized, self.openings)

    def _catch_up(self, symbol: str | None) -> None:
        """Fold what waits for a book: its events since its last action."""
        steps = self.waiting.pop(symbol, [])
        if steps:
            it = self.events
            self._note(
                self.books.setdefault(symbol, Book(symbol)), steps,
                [it.quantity[at] for at in steps], [it.price[at] for at in steps],
                [it.ratio[at] for at in steps], [it.moved[at] for at in steps],
            )  # fmt: skip

    def _sell_fraction(self, book: Book, at: int) -> None:
        held = book.quantity or 0
        part = abs(held) % WHOLE * (-1 if held > 0 else 1)
        self._note(book, [at], [part], [self.events.price[at]], [None], [None])

    def _go(self, book: Book, at: int) -> None:
        self.given = _Given(book.quantity, book.cost, book.opening)
        self._note(book, [at], [-(book.quantity or 0)], [0], [None], [Transfer.OUT])

    def _spin_off(self, book: Book, at: int) -> None:
        """Give a share of the cost, and keep what is held."""
        ratio, share = self.events.ratio[at] or 0, self.events.share[at] or 0
        quantity = None if book.quantity is None else after_split(book.quantity, ratio)
        cost = book.cost if not book.cost or not quantity else share_of_cost(book.cost, share)
        self.given = _Given(quantity, cost if quantity else 0)
        held, left = book.quantity or 0, (book.cost or 0) - (self.given.cost or 0)
        average = (2 * left + held) // (2 * held) if held else 0
        states = States([held], [average], [left], [book.realized or 0])
        self._put(book, [at], _fitting(book, states))

    def _come(self, book: Book, at: int) -> None:
        given, held = self.given, book.quantity or 0
        if given.quantity is None:
            book.quantity = None
        if given.cost is None:
            book.cost = None
        self._note(book, [at], [given.quantity or 0], [0], [None], [given.cost or 0])
        left = book.quantity or 0
        if given.opening and left * (given.quantity or 0) > 0:  # of a spin-off none: it opens
            is_added = left * held > 0
            book.opening = earlier(book.opening if is_added else None, given.opening)
            self.openings[at] = book.opening
        self.given = _Given()

    def _note(  # noqa: PLR0913, PLR0917 - columns of events
        self, book: Book, steps: list[int], quantities: list[int], prices: list[int],
        ratios: list[int | None], moved: list[Moved],
    ) -> None:  # fmt: skip
        """Fold events of a book and note its states."""
        self._put(book, steps, _folded(book, quantities, prices, ratios, moved, self.side))

    def _put(self, book: Book, steps: list[int], states: Sequence[Sequence[int | None]]) -> None:
        """Note states of a book, and where what it holds was opened."""
        before = book.quantity or 0
        for column, values in zip(self.known, states, strict=True):
            for at, value in zip(steps, values, strict=True):
                column[at] = value
        for at, quantity in zip(steps, states[0], strict=True):
            held = quantity or 0
            if not held:
                book.opening = None
            elif before * held <= 0:
                book.opening = Opening(at + 1, (book.symbol,))
            before = held
        book.quantity, _, book.cost, book.realized = (values[-1] for values in states)
