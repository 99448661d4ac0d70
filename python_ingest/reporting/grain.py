"""The grain of each relation, as the project's own uniqueness tests say it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_ingest.errors import UsageError


def _keys(manifest: dict[str, Any]) -> Iterator[tuple[bool, str, list[str]]]:
    """Yield of each uniqueness test whether it looks at some rows only, its model and columns."""
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        model = manifest["nodes"].get(node.get("attached_node"), {})
        is_of_a_model = model.get("resource_type") == "model"
        config = node["config"]
        if not is_of_a_model or config["severity"] != "ERROR":
            continue
        of_some = bool(config.get("where"))
        if test.get("name") == "unique":
            yield of_some, model["name"], [test["kwargs"]["column_name"]]
        elif test.get("name") == "unique_combination_of_columns":
            yield of_some, model["name"], list(test["kwargs"]["columns"])


def grains(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Return model -> columns of its grain, of several tested keys the one of most columns.

    One that is tested of some rows only counts where no other is. A model whose grain is not tested
    has none.
    """
    nodes = manifest["nodes"].values()
    found: dict[str, list[str]] = {n["name"]: [] for n in nodes if n["resource_type"] == "model"}
    for of_some, name, columns in sorted(_keys(manifest)):
        if len(columns) > len(found[name]) and not (of_some and found[name]):
            found[name] = columns
    return found


def built_models(path: Path) -> dict[str, bool]:
    """Return the models of dbt's results and whether each was built.

    There are none where dbt had nothing to do. Raises UsageError where the file is something else.
    """
    if not path.exists():
        return {}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))["results"]
        return {
            result["unique_id"].split(".")[2]: result["status"] == "success"
            for result in results
            if result["unique_id"].startswith("model.")
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} are no results of dbt: {error!r}") from None
