"""Of an incremental model that a build made whole, the SELECT that restates.

dbt compiles the one that it runs. A publication carries the other (publication/live_models.py), so
that `ingest serve` is live after a first build and after a full refresh:

    keep_other_forms()    # before dbt runs; manifest.json has it as the model's meta `restating`
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any

from dbt.adapters.base.impl import BaseAdapter
from dbt.artifacts.schemas.results import NodeStatus
from dbt.compilation import Compiler
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from dbt.task.run import RunTask
from dbt_common.exceptions import DbtBaseException

RESTATING = "restating"
"""The key of a model's own meta, which no person writes: people's is that of its config."""

_COMMENT = re.compile("--.*")  # which names what a model may read (-- depends_on:)
# The macros that decide between the two forms.
_FORM = {name: lambda *_, **__: True for name in ("is_incremental", "has_rows_from_before")}


def keep_other_forms() -> None:
    """Have dbt compile them at the end of a build. May be called more than once."""
    after_run = RunTask.after_run
    if hasattr(after_run, "__wrapped__"):
        return

    @wraps(after_run)
    def compile_after(self: RunTask, adapter: BaseAdapter, results: Iterable[Any]) -> None:
        after_run(self, adapter, results)
        made = [result.node for result in results if result.status == NodeStatus.Success]
        whole = [node for node in made if isinstance(node, ModelNode) and _is_whole(node)]
        if whole and self.manifest:
            compiler = Compiler(self.config)
            # its rows are right all the same; what is published says that it is not live
            with suppress(DbtBaseException), adapter.connection_named("master"):
                for node in whole:
                    _compile(compiler, node, self.manifest)

    RunTask.after_run = compile_after  # type: ignore[method-assign]


def _is_whole(node: ModelNode) -> bool:
    """Return whether what was run is not the form that reads what is pending, or its own rows."""
    if "is_incremental()" not in node.raw_code:
        return False
    region = node.config.meta.get("region")
    pending = region.get("pending") if isinstance(region, Mapping) else None
    ran = _COMMENT.sub("", node.compiled_code or "")
    return not any(f'"{name}"' in ran for name in (pending, node.alias))


def _compile(compiler: Compiler, node: ModelNode, manifest: Manifest) -> None:
    ran = node.compiled_code
    try:
        compiler.compile_node(node, manifest, _FORM, write=False)
        node.meta[RESTATING] = node.compiled_code
    finally:
        node.compiled_code = ran
