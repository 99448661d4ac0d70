"""The page of column lineage: one HTML file that needs no network."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from tools.lineage.plan import Column, Source
from tools.lineage.warehouse import SNAPSHOT, Manifest, Relation, Typed, own_functions

# How a relation is made, in words, where dbt's materialization says too little.
MADE_AS = {
    "incremental": "table, of which a build restates what changed",
    "cold_export": "files of old days; what is warm again, or has a tombstone, does not count",
    "source": "written by ingest or by the mechanism of builds",
    "seed": "seed, a file that people review",
}
STEPS = {SNAPSHOT: "dbt's snapshot, when it saw the row"}


def page(relations: Mapping[str, Relation], columns: Typed, manifest: Manifest) -> str:
    """The HTML for the relations of a warehouse and the columns of each."""
    own = own_functions()
    told = {**manifest["nodes"], **manifest["sources"]}
    used_by = defaultdict(list)
    for exposure in manifest["exposures"].values():
        for node in exposure["depends_on"]["nodes"]:
            used_by[node].append(exposure["label"] or exposure["name"])
    data = {
        _shown(name): _said(relations[name], typed, told.get(relations[name].node, {}), own)
        | {"used": sorted(used_by[relations[name].node])}
        for name, typed in sorted(columns.items())
    }
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    template = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
    return template.substitute(data=text)


def _shown(relation: str) -> str:
    """A relation as analysts name it."""
    return relation.removeprefix("main.")


def _sources(sources: Iterable[Source]) -> list[str]:
    """By name, files of old days behind what wrote them."""
    ordered = sorted(sources, key=lambda source: (source.relation.startswith("cold."), source))
    return [f"{_shown(relation)}.{column}" for relation, column in ordered]


def _said(
    relation: Relation, columns: Iterable[str], node: Mapping[str, Any], own: frozenset[str]
) -> dict[str, Any]:
    """What the page says of a relation, but who uses it."""
    described = node.get("columns", {})
    return {
        "as": MADE_AS.get(relation.made_as, relation.made_as),
        "made": bool(relation.columns),
        "unknown": relation.unknown,
        "node": relation.node,
        "about": _plain(node),
        "rows": _sources(relation.decided_by),
        "columns": {
            name: _column(relation.columns.get(name, Column()), relation, own)
            | {"about": _plain(described.get(name, {}))}
            for name in columns
        },
    }


def _plain(described: Mapping[str, Any]) -> str:
    """A description without its Markdown for code."""
    return str(described.get("description", "")).replace("`", "").strip()


def _column(column: Column, relation: Relation, own: frozenset[str]) -> dict[str, Any]:
    return {
        "from": _sources(column.made_from),
        "by": _sources(column.decided_by - relation.decided_by),
        "steps": sorted(STEPS.get(name, name) for name in column.functions & {*own, *STEPS}),
        # Told only where nothing else is: `count_star`, `now`.
        "functions": []
        if column.made_from
        else sorted(
            name.removeprefix("WINDOW_").lower()
            for name in column.functions
            if name.isidentifier() and not name.startswith(("_", "OPERATOR_"))
        ),
    }
