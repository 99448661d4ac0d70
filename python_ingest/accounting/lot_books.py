"""Lots of positions that corporate actions link: one book for each symbol, as in books.py."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from python_ingest.accounting.books import SPIN_OFF_IN, SPIN_OFF_OUT, SYMBOL_OUT
from python_ingest.accounting.lots import Changes, Events, Lot, LotFold, Method

Origin = tuple[str | None, int, str | None]
"""The symbol under which a lot was opened, its number there, and the spin-off that it came of."""


class LotBook(NamedTuple):
    """What is open of one symbol, what that cost and what was realised; None where unknown."""

    symbol: str | None
    lots: tuple[Lot, ...] = ()
    cost: int | None = 0
    realized: int | None = 0
    origins: tuple[tuple[int, Origin], ...] = ()  # of lots that were opened under another symbol


class Legs(NamedTuple):
    """Of each event, as in `fold_books`: its book, and what it is of a corporate action."""

    symbol: list[str | None]
    action: list[str | None]
    share: list[int | None]


class BookChanges(NamedTuple):
    """What every event changed in one book, and where its lots were opened."""

    symbol: str | None
    changes: Changes
    origins: dict[int, Origin]


def fold_lot_books(
    method: Method,
    books: Iterable[LotBook],
    events: Events,
    legs: Legs,
) -> list[BookChanges]:
    """Return what every event changes in its book.

    What a new symbol takes over keeps its time and what was opened, under numbers below zero.
    """
    symbols, actions, shares = legs
    known = {book.symbol: book for book in books}
    folds = {
        symbol: LotFold(method, book.lots, book.cost, book.realized)
        for symbol, book in ({symbol: LotBook(symbol) for symbol in symbols} | known).items()
    }
    origins = {symbol: dict(known[symbol].origins) if symbol in known else {} for symbol in folds}
    waiting: defaultdict[str | None, list[int]] = defaultdict(list)

    def catch_up(symbol: str | None) -> None:
        steps = waiting.pop(symbol, [])
        if steps:
            folds[symbol].run(Events._make([column[at] for at in steps] for column in events))

    given: tuple[list[Lot], int | None] = ([], 0)
    giver: str | None = None
    for at, (symbol, action) in enumerate(zip(symbols, actions, strict=True)):
        if action is None:
            waiting[symbol].append(at)
            continue
        catch_up(symbol)
        event = events.number[at]
        if action == SYMBOL_OUT:
            given, giver = folds[symbol].give(event), symbol
            continue
        if action == SPIN_OFF_OUT:
            ratio, share = events.ratio[at] or 0, shares[at] or 0
            given, giver = folds[symbol].spin_off(event, ratio, share), symbol
            continue
        for own, number in folds[symbol].receive(event, *given).items():
            opened, opening, spun = origins[giver].get(number, (giver, number, None))
            spun = f"{symbol}/{event}" if action == SPIN_OFF_IN else spun
            origins[symbol][own] = opened, opening, spun
        given = ([], 0)
    for symbol in folds:
        catch_up(symbol)
    return [BookChanges(symbol, it.changes, origins[symbol]) for symbol, it in folds.items()]
