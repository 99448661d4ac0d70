"""What a landed row of each kind consists of: canonical columns, allowed words, its key.

kinds.toml declares them.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DECIMAL = "DECIMAL(18,8)"
"""Prices and sizes of ticks, and ratios."""
WIDE = "DECIMAL(28,10)"
"""Quantities, prices and money of order flow (docs/adr/0165)."""
DECIMALS = (DECIMAL, WIDE)
LARGEST = 10**14
"""Nothing of this amount or more is accepted: below it, quantity * price * multiplier fits."""
BEFORE_1970_OR_FUTURE = "outside 1970 to now + 1 day"
NO_TIME = "1970-01-01 is written where there is no time"
"""Why the first moment of all clocks is none: a program that knew no time wrote 0."""


@dataclass(frozen=True)
class Column:
    """One canonical column: its DuckDB type and what a value must satisfy.

    `empty_is_null`: an empty text or list says that there is none, in every format as in CSV.
    `synonyms`: what others write for one of `words`, which count in small letters, without spaces
    around them and with `_` between them. `names`: known ones among others, which count in small
    letters and without spaces. `is_id`: no number that a spreadsheet rounded. `trimmed`: spaces
    around the text are no part of it, unless it has nothing else.
    `is_later`: rows had landed before there was the column, which were of its `default` or had
    none; such a row is still the same. What is `required` and has a default is a column that a file
    has, and a row may leave empty.
    """

    name: str
    type: str = "VARCHAR"
    required: bool = False
    words: tuple[str, ...] = ()
    not_negative: bool = False
    default: str | None = None
    in_hash: bool = True
    empty_is_null: bool = False
    synonyms: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    is_id: bool = False
    trimmed: bool = False
    is_later: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of file: its raw table, its columns and what tells its rows apart.

    `time` is the column that bounds look-ups. `id` is the table's own id column, made of batch and
    row number. `occurrences` says that identical rows of one file are all real. `is_whole`: a file
    replaces what landed before it: no earlier row makes one of it a duplicate. `keeps_copies`:
    the same content is a row more where it differs in `besides`, as by another source, since
    models choose between versions by it. `is_ordered`: rows
    keep what their time has below the microsecond (`nanoseconds`, null where it has nothing), and
    the file's own order of rows that nothing else orders (`place`). `needs` are columns of which a
    row has one, besides those that are required. `checks` are
    (condition over converted columns, reason) pairs. `products` are (size, price) columns whose
    product, times the instrument's multiplier, must stay below 10^14.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    time: str
    id: str | None = None
    occurrences: bool = False
    is_whole: bool = False
    keeps_copies: bool = False
    is_ordered: bool = False
    needs: tuple[tuple[str, ...], ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    products: tuple[tuple[str, str], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order of the raw table."""
        return tuple(column.name for column in self.columns)

    @property
    def read_names(self) -> tuple[str, ...]:
        """Those, and what is read from the text of their time."""
        return (*self.column_names, *(("nanoseconds",) if self.is_ordered else ()))

    @property
    def keeps_hash(self) -> bool:
        """Whether its rows have `content_hash`; of ticks, which are many, it is computed anew."""
        return not self.is_ordered

    @property
    def besides(self) -> tuple[str, ...]:
        """SQL of what tells copies of one content apart, where they are kept.

        Of a correlation whether there is one: who asks again may give each request another.
        """
        return tuple(
            f"{c.name} is null" if c.type == "UUID" else c.name
            for c in self.columns
            if self.keeps_copies and not c.in_hash
        )

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def _declared() -> dict[str, Kind]:
    declared = tomllib.loads(Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8"))
    like = declared.pop("like")

    kinds = {}
    for kind, keys in declared.items():
        columns = [_column(name, said, like) for name, said in keys.pop("columns").items()]
        kinds[kind] = Kind(kind, columns=tuple(columns), **_without_lists(keys))
    return kinds


def _column(name: str, said: Any, like: dict[str, Any]) -> Column:
    keys = _whole(said, like)
    keys["synonyms"] = tuple(keys.get("synonyms", {}).items())
    return Column(name, **_without_lists(keys))


def _whole(said: Any, like: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a column, with those of what it is like."""
    keys = {"like": said} if isinstance(said, str) else dict(said)
    base = keys.pop("like", None)
    return {**_whole(like[base], like), **keys} if base else keys


def _without_lists(value: Any) -> Any:
    """Return what TOML says with tuples for its lists: a column is a key of caches."""
    if isinstance(value, dict):
        return {key: _without_lists(one) for key, one in value.items()}
    return tuple(map(_without_lists, value)) if isinstance(value, list) else value


KINDS = _declared()
TICKS, ORDERS, CASH = KINDS["ticks"], KINDS["orders"], KINDS["cash"]

OWNERS = {"exchange": TICKS.column("exchange"), "account_id": ORDERS.column("account_id")}
"""Whose rows they are: within these a value is `numbered`."""
