"""What tells two ticks of a feed apart besides their content, and what orders those of a file."""

from dataclasses import dataclass

# Nothing else orders them: the file's own order does.
UNORDERED = "sequence_number is null and try_cast(trade_id as hugeint) is null"
# A series and a tick of its clock; `hash` within one statement, nothing of it is stored.
CLOCK_TICK = "hash(exchange, symbol, kind, venue, timestamp, nanoseconds)"


@dataclass(frozen=True)
class Identity:
    """Which of a tick's numbers are its key; without a key it is its content and occurrence."""

    by_trade_id: bool
    by_sequence: bool

    @property
    def columns(self) -> str:
        """SQL of `key_id` and `key_number`: at most one of them is not NULL."""
        key_id = "trade_id" if self.by_trade_id else "null::varchar"
        number = "null::bigint"
        if self.by_sequence:
            is_named = "case when trade_id is null then sequence_number end"
            number = is_named if self.by_trade_id else "sequence_number"
        return f"{key_id} as key_id, {number} as key_number"


KEYS = ("key_id", "key_number")
KEYLESS = "key_id is null and key_number is null"


def place(*, newest_first: bool) -> str:
    """Return SQL of a row's number among the unordered ones of its series and clock tick."""
    direction = " desc" if newest_first else ""
    return f"row_number() over (partition by {CLOCK_TICK} order by row_number{direction})"
