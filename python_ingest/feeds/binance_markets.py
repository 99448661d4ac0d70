"""Which symbols tell the markets of Binance apart: its four markets share file formats."""

from __future__ import annotations

import re

from python_ingest.storage.sql import literal

ONLY_OF = {"binance-coinm": r"(?i:.*USD_(PERP|\d{6}))", "binance-usdm": r"(?i:.*USDT_\d{6})"}
"""Symbols that no other market has."""

_SPOT = "|".join(ONLY_OF.values())
# ccxt writes a swap as BTC/USDT:USDT, what it settles in behind the colon.
_NEVER_OF = {
    "binance": rf"{_SPOT}|.*:.*",
    "binance-us": rf"{_SPOT}|.*:.*",
    "binance-usdm": rf"{ONLY_OF['binance-coinm']}|.*/USD:.*",
    # all of its symbols say PERP or a delivery date
    "binance-coinm": rf"[^_:]*|.*/USD[TC]:.*|{ONLY_OF['binance-usdm']}",
}


def is_foreign(exchange: str, symbol: str) -> bool:
    """Whether an exchange is a market of Binance that has no such symbol."""
    return bool(re.fullmatch(_NEVER_OF.get(exchange, r"\b\B"), symbol))


def foreign(exchange: str, symbol: str) -> str | None:
    """Return SQL that asks the same of a column; None where no symbol is foreign."""
    pattern = _NEVER_OF.get(exchange)
    return f"regexp_full_match({symbol}, {literal(pattern)})" if pattern else None
