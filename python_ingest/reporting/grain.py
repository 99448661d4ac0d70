"""The grain of each relation, as the project's own uniqueness tests say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def _keys(manifest: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        model = manifest["nodes"].get(node.get("attached_node"), {})
        is_of_a_model = model.get("resource_type") == "model"
        config = node["config"]
        if not is_of_a_model or config.get("where") or config["severity"] != "ERROR":
            continue
        if test.get("name") == "unique":
            yield model["name"], [test["kwargs"]["column_name"]]
        elif test.get("name") == "unique_combination_of_columns":
            yield model["name"], list(test["kwargs"]["columns"])


def grains(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Return model -> columns of its grain, of several tested keys the one of most columns.

    A model whose grain is not tested has none.
    """
    nodes = manifest["nodes"].values()
    found: dict[str, list[str]] = {n["name"]: [] for n in nodes if n["resource_type"] == "model"}
    for name, columns in sorted(_keys(manifest)):
        if len(columns) > len(found[name]):
            found[name] = columns
    return found
