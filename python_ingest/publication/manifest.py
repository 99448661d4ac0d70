"""dbt's manifest, and which chains of models a failure holds back by its graph (docs/adr/0005).

>>> chains = Chains(read_manifest(path))
>>> chains.held_back({"test.trading.fills_have_trades": "Got 3 results"})
{'trading': 'test fills_have_trades: Got 3 results'}
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from python_ingest.errors import BuildFailedError, UsageError


class Chains:
    """The chains of a manifest of dbt: what belongs to them and which read which."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._nodes: Mapping[str, Any] = manifest["nodes"]
        self._sources: Mapping[str, Any] = manifest["sources"]
        self._parents: Mapping[str, list[str]] = manifest["parent_map"]
        self._children: Mapping[str, list[str]] = manifest["child_map"]
        self._models = {
            node: str(chain)
            for node, found in self._nodes.items()
            if found["resource_type"] == "model" and (chain := found["config"]["meta"].get("chain"))
        }
        self._below = {chain: self._with_below(chain) for chain in set(self._models.values())}

    @property
    def of_relations(self) -> dict[str, str]:
        """Return the chain of each relation of schema `main` that has one."""
        return {
            str(self._nodes[node]["alias"]): chain
            for node, chain in self._models.items()
            if self._nodes[node]["schema"] == "main"
        }

    def source(self, relation: str) -> str:
        """Return the unique id of a raw table, `raw.market_ticks`."""
        for node, found in self._sources.items():
            if f"{found['schema']}.{found['name']}" == relation:
                return node
        return f"source.{relation}"

    def held_back(self, failures: Mapping[str, str]) -> dict[str, str]:
        """Return the reason by chain that must not be published, for what failed by unique id.

        A chain is held back with all that read it. A test belongs to the lowest chains that it
        reads, or to all where it reads them through models without a chain (the comparison with
        TimescaleDB). What has no chain (a seed, a source, a staging view) belongs to the chains
        that read it. The first reason of a chain counts.

        Raises BuildFailedError where no chain has to do with it: nobody knows then what is right.
        """
        held: dict[str, str] = {}
        for node, message in failures.items():
            chains = self._touched(node)
            if not chains:
                raise BuildFailedError(f"{named(node)}: {message}; nothing was published")
            for chain in sorted(set().union(*(self._below[each] for each in chains))):
                held.setdefault(chain, f"{named(node)}: {message}")
        return held

    def _touched(self, node: str) -> set[str]:
        if node in self._models:
            return {self._models[node]}
        parents = self._parents.get(node, [])
        read = self._nearest(parents, self._parents)
        lowest = {each for each in read if not read & (self._below[each] - {each})}
        if node.startswith("test."):
            direct = lowest if self._models.keys() & set(parents) else read
            return direct or self._nearest(parents, self._children)
        return self._nearest([node], self._children) or lowest

    def _nearest(self, start: Iterable[str], neighbours: Mapping[str, list[str]]) -> set[str]:
        """Return the chains first met from `start` on, through what has none."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = list(start)
        while waiting:
            node = waiting.pop()
            if node in self._models:
                found.add(self._models[node])
            elif node not in seen:
                seen.add(node)
                waiting += neighbours.get(node, [])
        return found

    def _with_below(self, chain: str) -> set[str]:
        found = {chain}
        while True:
            readers = {
                self._models[child]
                for node, its in self._models.items()
                if its in found
                for child in self._children.get(node, [])
                if child in self._models
            }
            if readers <= found:
                return found
            found |= readers


def named(node: str) -> str:
    """Return how people call a node: `test fills_have_trades`, `source raw.order_events`."""
    kind, _, *rest = node.split(".")
    # A generic test's id ends in a hash.
    return f"{kind} {'.'.join(rest[:1] if kind == 'test' else rest)}"


def read_manifest(path: Path) -> dict[str, Any]:
    """Return dbt's manifest.

    Raises UsageError where there is none, or where the file is something else.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is not there: run `dbt parse`, or give --manifest") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no manifest of dbt: {error}") from None
    if not isinstance(manifest, dict) or "nodes" not in manifest:
        raise UsageError(f"{path} is no manifest of dbt: it has no nodes")
    return manifest
