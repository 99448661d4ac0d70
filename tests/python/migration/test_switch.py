"""The migration models are on with TimescaleDB only, and a relation is read from one side."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import run_dbt

from .conftest import TABLES

PASSWORD = "s3cret-of-the-switch"  # noqa: S105
DSN = f"postgresql://nobody:{PASSWORD}@127.0.0.1:9/none"
READS = "USE_DUCKDB_FOR_READS"
# By flag: where DuckDB's rows are read and where TimescaleDB's are.
SIDES = {
    "TICKS": ({"stg_landed_ticks", "stg_warm_ticks"}, "stg_timescale_landed_ticks"),
    "ORDERS": ({"stg_order_events"}, "stg_timescale_order_events"),
    "METRICS": ({"stg_system_metrics"}, "stg_timescale_metrics"),
    "LOGS": ({"stg_application_logs"}, "stg_timescale_logs"),
}

Parse = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One target folder for all tests, so that dbt parses only what it believes has changed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TIMESCALE_DSN", READS, *(f"{READS}_{flag}" for flag in SIDES)):
            patch.delenv(name, raising=False)
        yield tmp_path_factory.mktemp("switch")


Known = dict[frozenset[tuple[str, str]], dict[str, Any]]


@pytest.fixture(scope="module")
def known() -> Known:
    """Manifests by the environment that they were read in."""
    return {}


@pytest.fixture(scope="module")
def parse(folder: Path, known: Known) -> Parse:
    def parsed(**environment: str) -> dict[str, Any]:
        done = run_dbt(folder, "parse", environment=environment)
        assert done.returncode == 0, done.stdout
        manifest: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text())
        known[frozenset(environment.items())] = manifest
        return manifest

    return parsed


@pytest.fixture(scope="module")
def parse_once(parse: Parse, known: Known) -> Parse:
    """Parse where no test has done so in that environment."""

    def parsed(**environment: str) -> dict[str, Any]:
        return known.get(frozenset(environment.items())) or parse(**environment)

    return parsed


def is_of_migration(node: dict[str, Any]) -> bool:
    return node["original_file_path"].startswith(("models/migration", "tests/consistency"))


def of_migration(manifest: dict[str, Any]) -> set[str]:
    return {node["name"] for node in manifest["nodes"].values() if is_of_migration(node)}


def readers(manifest: dict[str, Any], read: set[str]) -> set[str]:
    """Return the nodes outside the migration that read one of these models."""
    ids = {f"model.trading.{name}" for name in read}
    return {
        node["name"]
        for node in manifest["nodes"].values()
        if ids & set(node["depends_on"].get("nodes", [])) and not is_of_migration(node)
    }


def test_the_models_come_and_go_with_timescaledb_in_one_target_folder(parse: Parse, folder: Path):
    alone = parse()
    assert of_migration(alone) == set()
    assert not [name for name in alone["nodes"] if "timescale" in name or "migration" in name]
    everything = of_migration(parse(TIMESCALE_DSN=DSN))
    assert {"migration_status", "compared_ticks", "stg_timescale_bars"} < everything
    assert {"closed_buckets_match", "extracts_are_whole"} < everything
    assert of_migration(parse(TIMESCALE_DSN=" ")) == set()
    assert of_migration(parse(**{READS: "false"})) == everything
    again = parse()
    assert of_migration(again) == set()
    assert again["nodes"].keys() == alone["nodes"].keys()
    for path in folder.rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes(), path


def test_each_relation_is_read_from_the_side_that_its_flag_names(parse_once: Parse):
    duckdb, timescale = parse_once(), parse_once(**{READS: "false"})
    moved = {}
    for flag, (here, there) in SIDES.items():
        moved[flag] = readers(timescale, {there})
        assert moved[flag] == readers(duckdb, here) - readers(timescale, here) != set(), flag
        assert readers(duckdb, {there}) == set(), flag
    manifests: list[tuple[set[str], dict[str, Any]]] = []
    # No two flags are in the same ones of these: what a flag moves is told from what others do.
    for chosen in ({"TICKS", "ORDERS"}, {"TICKS", "METRICS"}):
        manifests.append((chosen, parse_once(**{f"{READS}_{flag}": "false" for flag in chosen})))
    others = {f"{READS}_{flag}": "true" for flag in ("TICKS", "METRICS")}
    manifests.append(({"ORDERS", "LOGS"}, parse_once(**{READS: "False"}, **others)))
    for chosen, manifest in manifests:
        found = {flag: readers(manifest, {there}) for flag, (_, there) in SIDES.items()}
        assert found == {flag: moved[flag] if flag in chosen else set() for flag in SIDES}


def test_each_table_has_a_model_that_says_what_is_compared(parse_once: Parse):
    """A misspelt name in the meta of a model would leave a table or its sums out in silence."""
    nodes = parse_once(TIMESCALE_DSN=DSN)["nodes"].values()
    said = {
        node["name"]: node["config"]["meta"]["compared"]
        for node in nodes
        if "compared" in node["config"]["meta"]
    }
    assert said.keys() == {n["name"] for n in nodes if n["name"].startswith("compared_")}
    assert sorted(says["table"] for says in said.values()) == sorted(TABLES)
    for name, says in said.items():
        assert says.keys() == {"table", "time", "key", "values", "sums"}, name
        assert {says["time"]} <= {*says["key"], *says["values"]}, name
        assert set(says["sums"]) <= set(says["values"]), name
