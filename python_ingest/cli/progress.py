"""Progress of long work: a bar with an estimate on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Report = Callable[[str, int, int], None]
"""Told what was done, and that it was step n of how many."""


def shown_on_terminal(*columns: ProgressColumn) -> Progress:
    """Return a progress that a terminal shows on its error stream until it ends."""
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def progress(title: str, total: int | None = None, *, quiet: bool = False) -> Iterator[Report]:
    """Yield a function to call after each step; `total`: how many there are, where it is known."""
    with shown_on_terminal(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ) as bar:
        task = bar.add_task(title, total=total)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if bar.disable and not quiet:
                print(what, file=sys.stderr, flush=True)

        yield report


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Yield a function to call before each step: a terminal shows the step and the time so far."""
    with shown_on_terminal(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    ) as bar:
        task = bar.add_task("beginning", total=None)
        yield lambda step: bar.update(task, description=step)
