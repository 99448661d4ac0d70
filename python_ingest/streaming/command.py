"""`ingest stream`: an exchange's websocket into the spool and on into schema `raw`."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from python_ingest.cli.dual_write import written_twice
from python_ingest.errors import UsageError
from python_ingest.settings import load_settings
from python_ingest.streaming.exchanges import EXCHANGES
from python_ingest.streaming.stream import Stream

app = typer.Typer()

_EXCHANGES = ", ".join(
    f"{name} (wants {' and '.join(exchange.keys)} in the environment)" if exchange.keys else name
    for name, exchange in EXCHANGES.items()
)


@app.command(epilog="Example: ingest stream --exchange binance --symbols BTCUSDT,ETHUSDT")
def stream(
    exchange: Annotated[str, typer.Option(help=f"One of {_EXCHANGES}.")],
    symbols: Annotated[str, typer.Option(help="Separated by commas.")],
    url: Annotated[
        str | None, typer.Option(help="Another address, such as a paper or test server.")
    ] = None,
) -> None:
    """Receive ticks until SIGTERM or Ctrl-C; a tenth of a second later they are durable."""
    if exchange not in EXCHANGES:
        raise UsageError(f"--exchange {exchange}: not one of {', '.join(EXCHANGES)}")
    EXCHANGES[exchange].require_keys(os.environ)
    wanted = [symbol.strip() for symbol in symbols.split(",") if symbol.strip()]
    if not wanted:
        raise UsageError("--symbols: which ones? Such as BTCUSDT,ETHUSDT")
    settings = load_settings()
    with written_twice(settings, all_day=True):
        totals = asyncio.run(Stream(settings, EXCHANGES[exchange], wanted, url=url, say=_say).run())
    if not totals.connections:
        print("ingest: it was never connected, so nothing was received", file=sys.stderr)
        raise typer.Exit(1)
    others = "".join(f", {name} {number:,}" for name, number in sorted(totals.others.items()))
    gaps = f", {totals.gaps:,} gaps" if totals.gaps else ""
    print(
        f"{totals.frames:,} frames in {totals.segments:,} segments:"
        f" {totals.landed:,} landed + {totals.duplicate:,} duplicate"
        f" + {totals.rejected:,} rejected{gaps}"
        + (f"; ignored messages{others.replace(',', ':', 1)}" if others else "")
    )
    if totals.waiting:
        print(
            f"ingest: {totals.waiting:,} segments wait in the spool: {totals.trouble};"
            " ingest land --pending lands them",
            file=sys.stderr,
        )
        if not (totals.busy and totals.landed + totals.duplicate):
            raise typer.Exit(1)


def _say(text: str) -> None:
    # a full disk has no room for it either, and a terminal may be gone: no stream ends of that
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
