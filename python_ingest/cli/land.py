"""`ingest land`: files into schema `raw`."""

import json
import re
import sys
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Annotated, TextIO

import typer

from python_ingest import interrupts
from python_ingest.cli.dual_write import written_twice
from python_ingest.cli.place import say_where, where
from python_ingest.cli.progress import progress
from python_ingest.cli.shown import printable, shortened
from python_ingest.errors import UsageError
from python_ingest.feeds.catalogue import faults
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.land import LandingResult, land_files, land_pending
from python_ingest.landing.report import report_landing
from python_ingest.landing.spool import pending as list_pending
from python_ingest.settings import Settings, load_settings

app = typer.Typer()

_NAME = re.compile(r"[A-Za-z0-9][\w.:-]*")
_REASONS = 10  # that are shown of a file
_TELLS_SPEED = 10_000  # rows: of fewer the time is that of the start


@app.command(epilog="Example: ingest land ticks btcusdt-2024-08-08.csv.gz")
def land(  # noqa: PLR0913, PLR0917 - the command's options
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}.")] = None,
    paths: Annotated[
        list[Path] | None,
        # not asked beforehand: one that cannot be read would stop all others
        typer.Argument(help="Files, packed or not.", readable=False),
    ] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Land what waits in the spool.")
    ] = False,
    named_format: Annotated[
        str | None,
        typer.Option("--format", help="parquet, csv, ndjson or a feed; default: by content."),
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option(help="Whose rows they are, where the file does not say: binance-usdm."),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(help="Whose orders or cash they are, where the file does not say: main."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="What separates the fields of canonical CSV, such as ';'.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Read files anew that were landed before; no row doubles."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file.")] = False,
) -> None:
    """Land files; each is landed whole or not at all, and never twice."""
    settings = load_settings()
    interrupts.spool = settings.spool_dir
    if pending and (kind or paths or named_format or exchange or account or delimiter or again):
        raise UsageError("--pending takes no KIND, no PATH and no other option")
    if not pending:
        if kind is None or not paths:
            raise UsageError("which files? ingest land KIND PATH..., or ingest land --pending")
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is no kind of file: one of {', '.join(KINDS)}")
        _require_owner(kind, "exchange", exchange, "binance-usdm")
        _require_owner(kind, "account_id", account, "desk-1")
        delimiter = "\t" if delimiter == "\\t" else delimiter
        if delimiter is not None and len(delimiter) != 1:
            raise UsageError(f"--delimiter {delimiter!r}: not one character")
    say_where(settings)
    is_new = not settings.database_path.exists()
    total = len(list_pending(settings)) if pending else len(paths or [])
    if not pending and named_format is None:
        for fault in faults(settings.feeds_dir):
            print(f"ingest: warning: {fault.what}", file=sys.stderr)
    with written_twice(settings), progress("landing", total, quiet=True) as advance:
        number = count(1)

        def report(result: LandingResult) -> None:
            advance(result.file, next(number), total)
            _print(result, as_json=as_json)

        if pending:
            results = land_pending(settings, report)
        else:
            results = land_files(
                settings,
                str(kind),
                paths or [],
                named_format,
                report,
                exchange=exchange,
                account=account,
                delimiter=delimiter,
                again=again,
            )
    _keep_report(settings, results)
    _say_end(settings, results, pending=pending, as_json=as_json, is_new=is_new)
    failed = sum(result.state == "failed" for result in results)
    if failed:
        if len(results) > 1:
            print(f"ingest: {failed} of {len(results)} files could not be landed", file=sys.stderr)
        raise typer.Exit(1)


def _require_owner(kind: str, column: str, name: str | None, example: str) -> None:
    """Raise UsageError when a kind has no such owner, or it is no name of one."""
    what = column.removesuffix("_id")
    if name is not None and column not in KINDS[kind].column_names:
        raise UsageError(f"--{what}: {kind} have no {what}")
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(f"--{what} {name!r}: no name of an {what}, such as {example}")
    if what == "account" and name is not None and name.lower() == "all":
        raise UsageError("--account all: `all` is no account, but their total")


def _say(line: str, file: TextIO | None = None) -> None:
    print(printable(line), file=file)


def _print(result: LandingResult, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(result)), flush=True)
        return
    if result.state == "failed":
        _say(f"ingest: {result.file}: {result.error}; nothing of it was landed", sys.stderr)
    elif result.state == "spooled":
        _say(f"{result.file}: spooled; {result.error}, then: ingest land --pending")
    elif result.state == "ignored":
        _say(f"{result.file}: ignored, {result.error}")
    elif result.state == "already landed" and not result.read:
        _say(f"{result.file}: already landed as batch {result.batch_id}")
    elif result.state == "already landed":
        _say(f"{result.file}: nothing new since batch {result.batch_id}, {_figures([result])}")
    else:
        _say(f"{result.file}: batch {result.batch_id}, {_figures([result])}")
    if result.error and result.state in ("landed", "already landed"):
        _say(f"ingest: warning: {result.error}; ingest land --pending moves it", sys.stderr)
    if result.before:
        former = f"batch {result.before.batch_id} ({result.before.format})"
        _say(f"  warning: the same file landed before, as {former}; its rows stay")
    _print_reasons(result)


def _print_reasons(result: LandingResult) -> None:
    for why in result.reasons[:_REASONS]:
        shown = shortened(why.text)
        some = f", {why.known:,} of them before" if why.known else ""
        when = " before" if why.known == why.rows else some
        _say(f"  {why.rows:,} rejected{when}: {why.reason}; the first in line {why.line}: {shown}")
    more = len(result.reasons) - _REASONS
    if more > 0:
        _say(f"  and for {more:,} more reasons: ingest rejected {result.file}")


def _keep_report(settings: Settings, results: list[LandingResult]) -> None:
    """Land what is told of the landing; files that cannot be read make no database for it."""
    if settings.database_path.exists() or any(result.state != "failed" for result in results):
        report_landing(settings, results)


def _say_end(
    settings: Settings, results: list[LandingResult], *, pending: bool, as_json: bool, is_new: bool
) -> None:
    if is_new and settings.database_path.exists():  # perhaps a disk is not mounted
        print(f"ingest: a new warehouse was made in {where(settings)}", file=sys.stderr)
    if as_json:
        return
    if len(results) > 1:
        _say(f"{len(results)} files: {_figures(results)}")
    if pending and not results:
        print(f"nothing waits in {settings.spool_dir}")


def _figures(results: list[LandingResult]) -> str:
    read = sum(result.read for result in results)
    seconds = sum(result.seconds for result in results)
    text = (
        f"{read:,} read = {sum(r.landed for r in results):,} landed"
        f" + {sum(r.duplicate for r in results):,} duplicate"
        f" + {sum(r.rejected for r in results):,} rejected"
        f" + {sum(r.ignored for r in results):,} ignored"
    )
    if read >= _TELLS_SPEED:
        text += f", {round(read / max(seconds, 1e-6)):,} rows/s"
    others: dict[str, int] = {}
    for result in results:
        for name, number in result.others.items() if result.ignored else ():
            others[name] = others.get(name, 0) + number
    if others:
        listed = ", ".join(f"{name} {number:,}" for name, number in others.items())
        text += f"; ignored messages: {listed}"
    return text
