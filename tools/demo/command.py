"""`ingest demo`: a seeded market with its order flow, as files to land."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from python_ingest.cli.progress import shown_on_terminal
from python_ingest.cli.shown import print_table
from python_ingest.settings import load_settings

app = typer.Typer()


@app.command(epilog="Example: ingest demo --rows 1000000 --symbols 10 --days 5 --seed 7")
def demo(  # noqa: PLR0913, PLR0917 - the command's options
    rows: Annotated[int, typer.Option(help="Ticks in all.")] = 1_000_000,
    symbols: Annotated[int, typer.Option(help="Instruments.")] = 10,
    days: Annotated[int, typer.Option(help="Days, a tick file for each.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 1,
    orders: Annotated[
        int | None, typer.Option(help="Orders; default: one per 2000 ticks, 20 to 5000.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default: DATA_DIR/demo.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write a seeded market (Parquet ticks) and order events, cash, metrics and logs on it."""
    # Imported here: NumPy and PyArrow take longer to import than other commands to run.
    from tools.demo import simulator  # noqa: PLC0415

    folder = out or load_settings().data_dir / "demo"
    plan = simulator.Plan(rows, symbols, days, seed, orders)
    started = time.monotonic()
    columns = (TextColumn("ticks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with shown_on_terminal(*columns) as bar:
        task = bar.add_task("ticks", total=rows)
        files = simulator.write_all(folder, plan, lambda done: bar.advance(task, done))
    seconds = time.monotonic() - started
    if as_json:
        print(json.dumps([{"kind": kind, "file": str(path)} for kind, path in files]))
        return
    _print(files, rows, seconds)


def _print(files: list[tuple[str, Path]], rows: int, seconds: float) -> None:
    shown = [(kind, path.name, f"{path.stat().st_size / 1e6:.1f}") for kind, path in files]
    print_table(("kind", "file", ">MB"), shown)
    print(f"{rows:,} ticks in {seconds:.1f} s. Land them:")
    for kind in dict.fromkeys(kind for kind, _ in files):
        paths = [path for file_kind, path in files if file_kind == kind]
        pattern = paths[0] if len(paths) == 1 else paths[0].parent / "ticks_*.parquet"
        print(f"  ingest land {kind} {pattern}")
