"""What differs between exchanges: the address, the greeting, and what their messages hold."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from websockets.asyncio.client import ClientConnection

from python_ingest.errors import IngestError, UsageError
from python_ingest.feeds.catalogue import named
from python_ingest.feeds.recognise import told_by

Symbols = Sequence[str]
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Exchange:
    """How to subscribe, and the kinds of rows its messages hold, the main one first.

    The feed of its name says how they are read. `greet`: what an address alone does not subscribe.
    `refusal` returns what one of the first frames says where it is no message but a refusal of the
    subscription; by default it is refused by an HTTP status. `keys`: variables of the environment
    that it cannot do without.
    """

    name: str
    address: str
    path: Callable[[Symbols], str]
    kinds: tuple[str, ...]
    greet: Callable[[ClientConnection, Symbols, Environment], Awaitable[None]] | None = None
    refusal: Callable[[bytes], str | None] = lambda frame: None
    keys: tuple[str, ...] = ()

    def require_keys(self, environment: Environment) -> None:
        """Raise UsageError where the environment lacks what the exchange wants to know."""
        missing = [key for key in self.keys if not environment.get(key)]
        if missing:
            raise UsageError(
                f"--exchange {self.name}: {' and '.join(missing)} must be in the environment"
            )

    def url(self, symbols: Symbols, given: str | None) -> str:
        """Return the address to open; a given one without a path takes the exchange's path."""
        base = (given or self.address).rstrip("/")
        if urlsplit(base).scheme not in ("ws", "wss"):
            raise UsageError(f"--url {given}: not a ws:// or wss:// address")
        return base + self.path(symbols) if urlsplit(base).path == "" else base

    def market(self, url: str) -> str:
        """Return whose messages come from an address."""
        # a host of another market tells; a relay does not
        feed = next(feed for feed in named(self.name) if feed.kind == self.kinds[0])
        return told_by(feed, urlsplit(url).hostname or "") or self.name


def _binance_path(symbols: Symbols) -> str:
    streams = [f"{s.lower()}@{what}" for s in symbols for what in ("trade", "bookTicker")]
    return "/stream?streams=" + "/".join(streams)


_ALPACA_KEYS = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")


async def _greet_alpaca(
    connection: ClientConnection, symbols: Symbols, environment: Environment
) -> None:
    """Authenticate and subscribe; raises IngestError when Alpaca refuses."""
    key, secret = (environment.get(name, "") for name in _ALPACA_KEYS)
    await _expect(connection, "connected")
    await connection.send(orjson.dumps({"action": "auth", "key": key, "secret": secret}).decode())
    await _expect(connection, "authenticated")
    listed = list(symbols)
    request = {"action": "subscribe", "trades": listed, "quotes": listed}
    await connection.send(orjson.dumps(request).decode())


async def _expect(connection: ClientConnection, wanted: str) -> None:
    received = await connection.recv(decode=False)
    refusal = _alpaca_refusal(received)
    if refusal is not None:
        raise IngestError(refusal)
    if not any(message.get("msg") == wanted for message in _alpaca_messages(received)):
        raise IngestError(f"Alpaca did not say {wanted!r}: is the address right?")


def _alpaca_messages(frame: bytes) -> list[dict[str, Any]]:
    """Return the messages of a frame; none where it is damaged."""
    with suppress(ValueError):
        said = orjson.loads(frame)
        return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return []


def _alpaca_refusal(frame: bytes) -> str | None:
    for message in _alpaca_messages(frame) if b'"error"' in frame else []:
        if message.get("T") == "error":
            return (
                f"Alpaca refuses: {message.get('msg')} (code {message.get('code')}); are"
                f" {' and '.join(_ALPACA_KEYS)} and the symbols right?"
            )
    return None


EXCHANGES = {
    "binance": Exchange(
        name="binance",
        address="wss://stream.binance.com:9443",
        path=_binance_path,
        kinds=("ticks",),
    ),
    "alpaca": Exchange(
        name="alpaca",
        address="wss://stream.data.alpaca.markets",
        path=lambda symbols: "/v2/iex",
        kinds=("ticks", "corrections"),
        greet=_greet_alpaca,
        refusal=_alpaca_refusal,
        keys=_ALPACA_KEYS,
    ),
}
