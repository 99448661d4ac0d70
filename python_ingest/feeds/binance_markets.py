"""Which symbols tell the markets of Binance apart: its four markets share file formats."""

import re

from python_ingest.storage.sql import literal

# ccxt writes a swap as BTC/USDT:USDT, what it settles in behind the colon.
ONLY_OF = {
    "binance-coinm": r"(?i:.*USD_(PERP|\d{6})|[^/:]*/USD:.*)",
    "binance-usdm": r"(?i:.*USDT_\d{6}|[^/:]*/(USDT|USDC|BUSD|FDUSD|BTC):.*)",
}
"""Symbols that no other market has."""

_MARKETS = ("binance", "binance-coinm", "binance-us", "binance-usdm")
_SPOT = "|".join([*ONLY_OF.values(), "[^/:]*/[^/:]*:.*"])
_NEVER_OF = {
    "binance": _SPOT,
    "binance-us": _SPOT,
    # ccxt's spot pairs settle in nothing
    "binance-usdm": rf"{ONLY_OF['binance-coinm']}|[^/:]*/[^/:]*",
    # all of its symbols say PERP or a delivery date
    "binance-coinm": rf"[^_:]*|{ONLY_OF['binance-usdm']}",
}


def is_foreign(exchange: str, symbol: str) -> bool:
    """Whether an exchange is a market of Binance that has no such symbol."""
    return bool(re.fullmatch(_NEVER_OF.get(exchange, r"\b\B"), symbol))


def foreign(exchange: str, symbol: str) -> str | None:
    """Return SQL that asks the same of a column; None where no symbol is foreign."""
    pattern = _NEVER_OF.get(exchange)
    return f"regexp_full_match({symbol}, {literal(pattern)})" if pattern else None


def contradictions(exchange: str, symbol: str) -> list[tuple[str, str]]:
    """Return (condition, reason expression) for a row of a market whose symbol is another one's.

    Less than `foreign` asks: a file that names the market may spell its symbols in a way of its
    own.
    """
    found = []
    for market, pattern in ONLY_OF.items():
        others = ", ".join(literal(other) for other in _MARKETS if other != market)
        # few symbols have these, and to look for them costs less than to match
        may_be = f"(contains({symbol}, '_') or contains({symbol}, ':'))"
        is_one = f"{may_be} and regexp_full_match({symbol}, {literal(pattern)})"
        said = literal(f" is a symbol of {market}, and its exchange says ")
        reason = f"'symbol: ' || {symbol} || {said} || {exchange}"
        found.append((f"{exchange} in ({others}) and {is_one}", reason))
    return found
