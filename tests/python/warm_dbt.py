"""Imported by the process that forks dbt: its children take the project as it was read here.

To read the project takes 3 seconds of each build that has another folder or other --vars than the
one before.
"""

import os
from itertools import pairwise
from pathlib import Path

from dbt.artifacts.resources import FileHash
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import SeedNode

from python_ingest.cli.warm import read_project

PROJECT = Path(__file__).parents[2]


# What decides which nodes there are (dbt_project.yml).
DECIDING = ("TIMESCALE_DSN", "USE_DUCKDB")


def manifest_for(arguments: list[str]) -> Manifest | None:
    """Return the project for a command of the child that asks, or None where dbt has to read it.

    A folder that --project-dir names is a copy that has other seeds, and no other difference; else
    the command says --no-partial-parse.
    """
    named = dict(pairwise(arguments)).get("--project-dir")
    is_other = not named and Path.cwd() != PROJECT
    read_anew = {"--target", "-t", "parse", "--no-partial-parse"} & set(arguments)
    if is_other or read_anew or any(n.startswith(DECIDING) for n in os.environ):
        return None
    if named:
        for node in MANIFEST.nodes.values():
            if isinstance(node, SeedNode):
                node.root_path = named
                path = Path(named, node.original_file_path)
                node.checksum = FileHash.from_contents(path.read_text(encoding="utf-8"))
    return MANIFEST


# The empty warehouse that it was built in: views_only.py takes its views.
EMPTY = Path(os.environ["READ_BY_DBT"], "empty")
EMPTY.mkdir(exist_ok=True)
MANIFEST = read_project(PROJECT, EMPTY)
