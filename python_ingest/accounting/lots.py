"""The lots of a position: which opening fill is how far closed by which event, and at what cost.

All values are integers, in the units of python_ingest.accounting.fold: quantities and prices in
1e-10, money in 1e-20. A cost is rounded where a part is taken of a lot that a split left with a
unit cost that does not terminate; what was taken and what is left always add up to what was there.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum
from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

from python_ingest.accounting.fold import (
    Moved,
    Transfer,
    after_split,
    fold,
    share_of_cost,
)

MOST_LOTS = 10**9  # that one event opens
NO_ROOM = 10**38  # what a DECIMAL of 38 digits does not hold


class Method(StrEnum):
    """Which lot a closing takes from first."""

    FIFO = "fifo"  # the oldest
    LIFO = "lifo"  # the newest
    HIFO = "hifo"  # longs the highest unit cost, shorts the lowest; of equal ones the oldest
    AVERAGE = "average"  # the oldest, at the average cost of all


class Lot(NamedTuple):
    """An open lot: what is left of what opened it."""

    number: int  # its opening event
    opened_at: int  # what makes it older than another: microseconds since 1970
    quantity: int  # signed, what is left
    opened: int  # signed, what was opened, in the units of now
    cost: int | None  # signed like the quantity; None where all lots share one cost, or unknown


class Events(NamedTuple):
    """What happens to a position, in order, as columns of one length."""

    number: Sequence[int]  # ascending
    opened_at: Sequence[int]  # of what an event opens: its own time, or that of what came in kind
    quantity: Sequence[int]
    price: Sequence[int]
    ratio: Sequence[int | None]
    moved: Sequence[Moved]


class Changes(NamedTuple):
    """One entry per event and lot that it changed, in order; the first four are never None."""

    event: list[int | None]
    part: list[int | None]  # counts within the event, from 1
    lot: list[int | None]
    opened_at: list[int | None]
    quantity: list[int | None]  # what is left after it
    opened: list[int | None]
    cost: list[int | None]  # None with `average`, whose lots share position_cost
    unit_cost: list[int | None]  # of what is left; with `average` of all lots
    taken: list[int | None]  # signed like the lot, in the units of before a split
    taken_cost: list[int | None]
    entry_price: list[int | None]  # what a unit of what was taken had cost
    earned: list[int | None]  # what the part realised
    position_cost: list[int | None]  # of all open lots, after the event
    realized: list[int | None]  # cumulative and gross, after the part


class LotFold:
    """The lots of one position, which go on from one list of events to the next.

    Events are those of `fold`. A fill through zero closes every lot and opens one with the rest. A
    split multiplies the quantities, to whole units of their sum; a lot of which nothing is left
    loses its cost, as a position does. What comes in kind is a lot of its own cost and time; what
    goes out takes from lots as a closing does, realises nothing, and costs the average beyond what
    was held. Money that has no room is None from its event on, as it is when it was None before:
    then the oldest lot is taken first (`lifo`: the newest). A quantity without room is None, and
    ends the list.
    """

    def __init__(
        self,
        method: Method,
        lots: tuple[Lot, ...] = (),
        cost: int | None = 0,
        realized: int | None = 0,
    ) -> None:
        """Begin with what is open, its cost and what was realised."""
        self.method = method
        self.is_known = cost is not None and realized is not None
        self.is_lost = False
        # quantity, opened, cost, opened_at
        self.held: dict[int, list[int]] = {
            it.number: [
                it.quantity,
                it.opened,
                (it.cost or 0) if self.is_known else 0,
                it.opened_at,
            ]
            for it in sorted(lots)
        }
        self.total = sum(lot[0] for lot in self.held.values())
        self.cost = cost or 0
        self.realized = realized or 0
        self.changes = Changes(*([] for _ in Changes._fields))
        self.parts: list[tuple[int, int, int]] = []  # lot, quantity and cost that were taken
        self._put_in_order()

    def run(self, events: Events) -> None:
        """Add what every event changes to `changes`."""
        is_average = self.method is Method.AVERAGE
        if is_average:
            states = fold(
                events.quantity, events.price, events.ratio, events.moved,
                quantity=self.total, cost=self.cost, realized=self.realized,
            )  # fmt: skip
        rows = zip(*events, strict=True)
        for at, (number, opened_at, filled, price, ratio, moved) in enumerate(rows):
            if self.is_lost:
                break
            self.parts = []
            earned = self.realized
            given: int | None = 0  # nobody pays for what a split leaves nothing of
            if ratio is not None:
                self._split(ratio)
            else:
                given = self._fill(number, opened_at, filled, price, moved)
            if is_average:
                self.cost, self.realized = states.cost[at], states.realized[at]
            elif given is not None:
                self.realized += given - sum(paid for _, _, paid in self.parts)
            if self.parts:
                self._record(number, given, earned)

    def give(self, number: int) -> tuple[list[Lot], int | None]:
        """Close every lot at its own cost, by an event; return them, and what all cost."""
        cost = self.cost
        lots = [
            Lot(lot, opened_at, quantity, opened, paid)
            for lot, (quantity, opened, paid, opened_at) in self.held.items()
        ]
        self.parts = [(lot.number, lot.quantity, lot.cost or 0) for lot in lots]
        for lot in self.held.values():
            lot[0] = lot[2] = 0
        self.total = self.cost = 0
        self.is_disordered = True
        if self.parts and not self.is_lost:
            is_average = self.method is Method.AVERAGE
            self._record(number, cost if is_average else None, self.realized)
        return lots, cost if self.is_known else None

    def spin_off(self, number: int, ratio: int, share: int) -> tuple[list[Lot], int | None]:
        """Give a share of the cost, by an event; return the lots that carry it, and their cost."""
        before = after = paid_before = so_far = 0
        cost, given, self.parts = self.cost, [], []
        for lot, held in sorted(self.held.items()):
            quantity, _, paid, opened_at = held
            before += quantity
            rounded = after_split(before, ratio)
            size, after = rounded - after, rounded
            own = 0
            if size:  # what nothing comes of keeps its cost
                so_far += paid
                own, paid_before = (
                    share_of_cost(so_far, share) - paid_before,
                    share_of_cost(so_far, share),
                )
                # opens anew: what the old one lost before has no closing under the new symbol
                given.append(Lot(lot, opened_at, size, size, own))
            held[2] = paid - own
            self.parts.append((lot, 0, 0))
        if self.method is Method.AVERAGE:
            paid_before = share_of_cost(cost, share) if given else 0
        self.cost = cost - paid_before
        self.is_disordered = True
        if self.parts and not self.is_lost:
            self._record(number, 0, self.realized)
        return given, paid_before if self.is_known else None

    def receive(self, number: int, lots: Sequence[Lot], cost: int | None) -> dict[int, int]:
        """Open lots that another position gave, by an event; return the number that each had.

        They keep their time, and what was opened. One of the other side closes what is held, at
        its own cost. The new numbers are below zero, since an event opens several.
        """
        self.parts, earned, given = [], self.realized, 0
        if cost is None:
            self.is_known = False
        pool = self.cost, self.realized, self.total
        numbers: dict[int, int] = {}
        for place, lot in enumerate(sorted(lots, key=lambda it: (it.opened_at, it.number))):
            rest = self._close(lot.quantity)
            paid = _share(lot.cost or 0, rest, lot.quantity)
            given += paid - (lot.cost or 0)
            if rest:
                own = place - number * MOST_LOTS
                numbers[own] = lot.number
                self._open(own, lot.opened_at, rest, paid)
                self.held[own][1] = lot.opened
        if self.method is Method.AVERAGE:
            moved = sum(lot.quantity for lot in lots)
            states = fold([moved], [0], [None], [cost or 0],
                          cost=pool[0], realized=pool[1], quantity=pool[2])  # fmt: skip
            self.cost, self.realized = states.cost[0], states.realized[0]
        else:
            self.realized += given - sum(paid for _, _, paid in self.parts)
        self.parts = _by_lot(self.parts)
        self.is_disordered = True
        if self.parts and not self.is_lost:
            self._record(number, given, earned)
        return numbers

    def _fill(
        self, number: int, opened_at: int, filled: int, price: int, moved: Moved
    ) -> int | None:
        """Close, and open with the rest; what was got for what closed, None: its own cost."""
        held, cost = self.total, self.cost
        rest = self._close(filled)
        given: int | None
        if moved is None:
            paid, given = rest * price, (held - self.total) * price
        elif moved is Transfer.OUT:
            is_average = self.method is Method.AVERAGE
            given = cost - _share(cost, self.total, held) if is_average else None
            paid = _share(cost, rest, held)
        else:
            paid = _share(moved, rest, filled)
            given = paid - moved
        if rest:
            self._open(number, opened_at, rest, paid)
        return given

    def _put_in_order(self) -> None:
        self.is_disordered = False
        if self.method is Method.HIFO:
            self.heap = [self._preference(lot) for lot in self.held]
            heapify(self.heap)
        else:
            self.queue = deque(sorted(self.held, key=self._age))

    def _age(self, number: int) -> tuple[int, int]:
        return self.held[number][3], number

    def _preference(self, number: int) -> tuple[int, int, int]:
        """By the unit cost at ten decimals, as a lot shows it; what comes first is smallest."""
        quantity, _, cost, _ = self.held[number]
        unit = (2 * cost + quantity) // (2 * quantity)
        return (-unit if quantity > 0 else unit, *self._age(number))

    def _open(self, number: int, opened_at: int, quantity: int, paid: int) -> None:
        paid = paid if self.is_known else 0
        self.held[number] = [quantity, quantity, paid, opened_at]
        self.total += quantity
        self.cost += paid
        self.parts.append((number, 0, 0))
        if self.method is Method.HIFO:
            heappush(self.heap, self._preference(number))
        else:  # what came in kind may be older than what is held
            newest = self.queue[-1] if self.queue else number
            self.is_disordered = self._age(number) < self._age(newest)
            self.queue.append(number)

    def _close(self, filled: int) -> int:
        """Take from the lots what an event closes; what is left of its quantity."""
        while filled and self.total and (filled > 0) != (self.total > 0):
            if self.method is Method.HIFO:
                number = self.heap[0][2]
            else:
                number = self.queue[-1 if self.method is Method.LIFO else 0]
            lot = self.held[number]
            quantity, _, cost, _ = lot
            if abs(filled) >= abs(quantity):
                size, paid = quantity, cost
                self._forget_first()
            else:
                size = -filled
                paid = cost - _share(cost, quantity - size, quantity)
            lot[0], lot[2] = quantity - size, cost - paid
            if lot[0] and self.method is Method.HIFO:
                heapreplace(self.heap, self._preference(number))
            self.total -= size
            self.cost -= paid
            filled += size
            self.parts.append((number, size, paid))
        return filled

    def _forget_first(self) -> None:
        if self.method is Method.HIFO:
            heappop(self.heap)
        elif self.method is Method.LIFO:
            self.queue.pop()
        else:
            self.queue.popleft()

    def _split(self, ratio: int) -> None:
        before = after = 0
        # as they are numbered: what another position gave is numbered before what is held
        for number, lot in sorted(self.held.items()):
            quantity, opened, cost, _ = lot
            before += quantity
            rounded = after_split(before, ratio)
            lot[0], after = rounded - after, rounded
            if lot[0]:
                grown = after_split(opened, ratio)
                lot[1] = max(grown, lot[0], key=abs)
                self.parts.append((number, 0, 0))
            else:
                lot[2] = 0
                self.cost -= cost
                self.parts.append((number, quantity, cost))
        self.total, self.is_disordered = after, True

    def _record(self, number: int, given: int | None, earned: int) -> None:
        """Note what the event did to each lot; forget those of which nothing is left.

        given: what was got for all that was taken; None where each part goes at its own cost.
        """
        self._look_for_room()
        of_all = self.realized - earned
        closed = sum(size for _, size, _ in self.parts)
        is_average = self.method is Method.AVERAGE
        taken, paid_so_far, before, got = 0, 0, earned, 0
        for part, (lot, size, paid) in enumerate(self.parts, start=1):
            quantity, opened, cost, opened_at = self.held[lot]
            taken += size
            got_before, got = got, _share(given or 0, taken, closed)
            if is_average:
                # what the fold realised, by what was taken of each
                so_far = earned + _share(of_all, taken, closed)
                paid = got - got_before - (so_far - before)  # noqa: PLW2901
                own, unit = None, _per_unit(self.cost, self.total)
            else:
                paid_so_far += paid
                so_far = earned if given is None else earned + got - paid_so_far
                own, unit = cost, _per_unit(cost, quantity)
            money = (own, unit, paid, _per_unit(paid, size), so_far - before, self.cost, so_far)
            before = so_far
            sizes = (None, None, None) if self.is_lost else (quantity, opened, size)
            own, unit, *rest = money if self.is_known else (None,) * len(money)
            row = (number, part, lot, opened_at, *sizes[:2], own, unit, sizes[2], *rest)
            for column, value in zip(self.changes, row, strict=True):
                column.append(value)
            if not quantity:
                del self.held[lot]
        if self.is_disordered:
            self._put_in_order()

    def _look_for_room(self) -> None:
        lots = [self.held[number] for number, _, _ in self.parts]
        sizes = (self.total, *(opened for _, opened, _, _ in lots))
        self.is_lost = any(abs(size) >= NO_ROOM for size in sizes)
        paid = max(abs(paid) for _, _, paid in self.parts)
        cost = max(abs(cost) for _, _, cost, _ in lots)
        if self.is_known and max(paid, cost, abs(self.cost), abs(self.realized)) >= NO_ROOM:
            self.is_known, self.is_disordered = False, True
            for lot in self.held.values():
                lot[2] = 0


def _by_lot(parts: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Each lot once: several that come in may close one that is held."""
    taken: dict[int, tuple[int, int]] = {}
    for lot, size, paid in parts:
        before, paid_before = taken.get(lot, (0, 0))
        taken[lot] = before + size, paid_before + paid
    return [(lot, size, paid) for lot, (size, paid) in taken.items()]


def _share(money: int, part: int, whole: int) -> int:
    return (2 * money * part + whole) // (2 * whole) if whole else 0


def _per_unit(cost: int, quantity: int) -> int | None:
    return (2 * cost + quantity) // (2 * quantity) if quantity else None
