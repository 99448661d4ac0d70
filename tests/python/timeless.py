"""Imported by a resident cycle of tests, whose clock decides nothing then.

A quarter of an hour that ends makes a cycle due, and all views anew: the next is years away here,
also in the process that forks the cycles, which imports this besides what it is told to.
"""

from multiprocessing.context import BaseContext

from python_ingest.cli import news

news.DUE_SECONDS = 10**10
_preload = BaseContext.set_forkserver_preload


def _with_this(context: BaseContext, names: list[str]) -> None:
    _preload(context, [*names, __name__])


BaseContext.set_forkserver_preload = _with_this  # type: ignore[method-assign]
