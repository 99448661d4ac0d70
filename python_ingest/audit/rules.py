"""The expectations of newly landed data.

Critical: our computation would be wrong, or the feed is unusable. Warning: the data are odd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """`column` of `frame` is at most `most`; else the message is "SUBJECT: " and `says`.

    Of landings with fewer than `least` rows it says nothing.
    """

    frame: Literal["landings", "ticks", "orders"]
    column: str
    most: float
    severity: Literal["critical", "warning"]
    says: str
    least: int = 0


RULES = [
    Rule("landings", "batches_that_disagree", 0, "critical", "manifest and tables disagree"),
    # A feed that changed, not one small file that was landed wrongly (ADR 0042).
    Rule("landings", "rejected_share", 0.5, "critical", "most rows were rejected", least=100),
    Rule("landings", "rejected_share", 0.01, "warning", "rows were rejected"),
    Rule("landings", "duplicate_share", 0.5, "warning", "most rows had been landed before"),
    Rule("ticks", "unpriced", 0, "critical", "ticks without any price were landed"),
    Rule("ticks", "landed_twice", 0, "critical", "the same tick was landed twice"),
    Rule("ticks", "not_positive_share", 0, "warning", "prices are zero or negative"),
    Rule("ticks", "conflicts", 0, "warning", "ticks share a key but not their content"),
    Rule("ticks", "crossed_share", 0.01, "warning", "quotes are crossed"),
    Rule("ticks", "zero_size_share", 0.05, "warning", "sizes are zero"),
    Rule("ticks", "unsized", 0, "warning", "sizes are missing"),
    Rule("ticks", "from_the_future", 0, "warning", "ticks are dated after they were landed"),
    Rule("ticks", "price_range", 2, "warning", "the highest price is a multiple of the lowest"),
    # Longer than the night between two sessions.
    Rule("ticks", "largest_gap_seconds", 43_200, "warning", "no tick for half a day"),
    Rule("orders", "landed_twice", 0, "critical", "the same event was landed twice"),
    Rule("orders", "incomplete_fills", 0, "critical", "fills lack their quantity or price"),
    Rule("orders", "overfills", 0, "warning", "a fill is larger than its order"),
    Rule("orders", "no_strategy_share", 0.5, "warning", "most events name no strategy"),
]
