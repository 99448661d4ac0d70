"""Chains hold, and a model's SELECT is the same whatever run asks for it.

The sample is built in two parts. Then every chain is set back to what it was before the second
part, the pending relations are worked out again, and each compiled SELECT is run by hand: it must
give what its table has of the region, and nothing else.
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sample_build import MANIFEST, SAMPLE, dbt, ingest

from python_ingest.accounting.functions import register

AS_OF = ("--vars", json.dumps({"as_of": MANIFEST["as_of"]}))
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
STORED = ("incremental", "table")
KNOWN = {"chain", "region", "time", "cold", "followed", "revised", "reference_is_fixed"}
# The sample has no currency besides the base one and its pegs.
EUROS = """event_id,event_time,kind,amount,currency
euros,2024-08-07T14:00:00Z,deposit,100,EUR
"""
# Nor orders or fills that share an id.
SHARED = """event_id,event_type,event_time,order_id,client_order_id,account_id,exchange,symbol,\
side,order_type,quantity,trade_id,fill_quantity,fill_price
a,fill,2024-08-07T14:01:00Z,6ba7b812-9dad-11d1-80b4-00c04fd430c8,a,main,binance,BTCUSDT,buy,market,1,7,1,57000
b,fill,2024-08-07T14:02:00Z,6ba7b812-9dad-11d1-80b4-00c04fd430c8,b,other,binance,BTCUSDT,buy,market,1,8,1,57000
c,fill,2024-08-07T14:03:00Z,c,c,main,binance,BTCUSDT,sell,market,1,7,1,57000
"""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in two parts; `chains_before` keeps what was built after the first."""
    data_dir = tmp_path_factory.mktemp("chains") / "data"
    files = MANIFEST["files"]
    # the second part has the orders; `run` leaves the seeds as they are
    for part, build in ((files[1::2], ("build", *NO_TESTS)), (files[::2], ("run",))):
        if (data_dir / "trading.duckdb").exists():
            with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
                connection.execute("create table chains_before as from state.chains")
                connection.execute(
                    "insert into reference.accounts (account_id, lot_method)"
                    " values ('main', 'lifo')"
                )
            for kind, text in (("cash", EUROS), ("orders", SHARED)):
                file = data_dir / f"{kind}.csv"
                file.write_text(text)
                done = ingest(data_dir, "land", kind, str(file))
                assert (done.returncode, "0 rejected" in done.stdout) == (0, True), done.stdout
        for sample in part:
            done = ingest(data_dir, "land", sample["kind"], str(SAMPLE / sample["file"]))
            assert done.returncode == 0, done.stderr
        dbt(data_dir, *build, *AS_OF)
    return data_dir


@pytest.fixture(scope="module")
def models(warehouse: Path) -> dict[str, dict[str, Any]]:
    manifest = json.loads((warehouse / "dbt" / "manifest.json").read_text())
    return {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}


def compiled(warehouse: Path) -> dict[str, str]:
    dbt(warehouse, "compile", *AS_OF, "--select", "config.materialized:incremental")
    root = warehouse / "dbt" / "compiled" / "trading" / "models"
    return {path.stem: path.read_text() for path in sorted(root.rglob("*.sql"))}


def chain(node: dict[str, Any]) -> str | None:
    return node["config"]["meta"].get("chain")


def test_every_table_belongs_to_a_chain(models: dict[str, dict[str, Any]]) -> None:
    lost = [
        node["name"]
        for node in models.values()
        if node["config"]["materialized"] in STORED
        and not chain(node)
        and node["config"]["enabled"]
        and "/migration/" not in node["original_file_path"]
    ]
    assert lost == []


def test_no_chain_reads_a_chain_below_it(models: dict[str, dict[str, Any]]) -> None:
    """Else none of the two could ever be complete before the other."""
    above: dict[str, set[str]] = {}
    for node in models.values():
        mine = chain(node)
        if not mine:
            continue
        for parent in node["depends_on"]["nodes"]:
            other = chain(models[parent]) if parent in models else None
            if other and other != mine:
                above.setdefault(mine, set()).add(other)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(above.get(start, ()))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(above.get(name, ()))
        return found

    assert {name: reached(name) for name in above if name in reached(name)} == {}
    assert reached("trading") >= {"bars", "ticks"}


def test_what_a_region_names_is_there(models: dict[str, dict[str, Any]]) -> None:
    """A misspelt name in the meta of a model is no silent nothing."""
    names = {node["name"]: node for node in models.values()}
    for node in models.values():
        if node["config"]["materialized"] != "incremental":
            continue
        meta = node["config"]["meta"]
        region = meta.get("region")
        assert set(meta) <= KNOWN, node["name"]
        if isinstance(region, dict):
            pending = names[region["pending"]]
            assert pending["unique_id"] in node["depends_on"]["nodes"], node["name"]
            assert pending["config"]["materialized"] == "table"
            assert chain(pending) == chain(node), node["name"]
        else:
            assert region in (None, "everything"), node["name"]


def test_a_select_gives_its_region_whatever_run_asks(
    warehouse: Path, models: dict[str, dict[str, Any]]
) -> None:
    path = str(warehouse / "trading.duckdb")
    first = compiled(warehouse)
    with duckdb.connect(path) as connection:
        connection.execute(
            "update state.chains set batch_id = former.batch_id, run_number = former.run_number,"
            " valued_until = former.valued_until from chains_before as former"
            " where chains.chain = former.chain"
        )
    dbt(warehouse, "run", "--select", "path:models/intermediate/changes", *AS_OF)
    again = compiled(warehouse)
    assert first == again  # no literal of one run
    compared = {}
    with duckdb.connect(path) as connection:
        connection.execute("set TimeZone = 'UTC'")
        register(connection)
        for node in models.values():
            region = node["config"]["meta"].get("region")
            if node["config"]["materialized"] != "incremental" or not isinstance(region, dict):
                continue
            table = f"{node['schema']}.{node['alias']}"
            columns = ", ".join(
                name
                for name, *_ in connection.execute(f"describe {table}").fetchall()
                if not name.startswith("built_")
            )
            by = region["by"] if isinstance(region["by"], dict) else {c: c for c in region["by"]}
            joined = [f"kept.{mine} = pending.{its}" for mine, its in by.items()]
            joined += [f"kept.{region['from']} >= pending.restart_at"] if "from" in region else []
            cold = node["config"]["meta"].get("cold")
            rows = f"select {columns} from {table}"
            rows += f" union all select {columns} from cold.{cold['relation']}" if cold else ""
            kept = (
                f"select {columns} from ({rows}) as kept semi join"
                f" intermediate.{region['pending']} as pending on {' and '.join(joined)}"
            )
            given = f"select {columns} from ({again[node['name']]})"
            differing = connection.execute(
                f"select count(*) from (({kept} except all {given}) union all"
                f" ({given} except all {kept}))"
            ).fetchone()
            counted = connection.execute(f"select count(*) from ({kept})").fetchone()
            assert differing == (0,), node["name"]
            assert counted
            compared[node["name"]] = counted[0]
    nothing = [name for name, rows in compared.items() if not rows]
    assert len(compared) >= 20
    assert set(nothing) <= {"int_minute_bars_daily"}, compared
