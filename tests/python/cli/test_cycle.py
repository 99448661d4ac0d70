"""What `ingest cycle` does when a step fails; the whole chain is in test_sample.py."""

import json
import time
from pathlib import Path

import duckdb
import pytest
from forked import run_ingest
from testkit import register_cold_file

from python_ingest.cli import cycle as command
from python_ingest.cli import dbt_run
from python_ingest.cli.audited import AuditResult
from python_ingest.errors import (
    BuildFailedError,
    DatabaseBusyError,
    ExportError,
    IngestError,
    PublishedInPartError,
    UsageError,
)
from python_ingest.landing.land import LandingResult
from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.publication.publish import publish
from python_ingest.schema.migrate import migrate
from python_ingest.serving import ReaderPool
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer

PASSED = AuditResult(passed=True, batch_id=1)
# A warehouse of two relations, and dbt's graph of them.
RELATIONS = "create table main.bars as select 1 as id; create table main.metrics as select 1 as id"
_OF = {"resource_type": "model", "schema": "main", "description": "", "columns": {}}
GRAPH = {
    "nodes": {
        "model.p.bars": {**_OF, "alias": "bars", "config": {"meta": {"chain": "bars"}}},
        "model.p.metrics": {**_OF, "alias": "metrics", "config": {"meta": {"chain": "metrics"}}},
    },
    "sources": {"source.p.raw.market_ticks": {"schema": "raw", "name": "market_ticks"}},
    "parent_map": {"model.p.bars": ["source.p.raw.market_ticks"]},
    "child_map": {"source.p.raw.market_ticks": ["model.p.bars"]},
}


def built(folder: Path, **failed: str) -> dbt_run.BuildSummary:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(GRAPH))
    return dbt_run.BuildSummary(1, 1, ["m: 3 rows"], manifest, failed)


@pytest.fixture
def steps(settings, monkeypatch, tmp_path) -> list[str]:
    """The steps that were taken; each does nothing and succeeds unless a test says otherwise."""
    taken = []
    with open_writer(settings) as connection:
        connection.execute(RELATIONS)

    def replace(name, result):
        def run(*arguments, **_):
            taken.append(name)
            return result(*arguments) if callable(result) else result

        monkeypatch.setattr(command, name, run)

    replace("land_pending", [])
    replace("dbt_build", built(tmp_path))
    replace("audit", PASSED)
    replace("publish", publish)
    return taken


def test_land_build_audit_publish_in_this_order(steps, settings, capsys):
    command.cycle()
    assert steps == ["land_pending", "dbt_build", "audit", "publish"]
    assert settings.published_path.exists()
    printed = capsys.readouterr().out
    assert "warning: m: 3 rows" in printed
    assert str(settings.published_path) in printed


def test_a_publication_begins_with_the_copy_that_was_made_beside_the_build(
    steps, settings, monkeypatch
):
    command.cycle()
    dbt_build, copies = command.dbt_build, []

    def build(*arguments, **options):
        until = time.monotonic() + 60
        while not copies and time.monotonic() < until:
            found = settings.published_path.parent.glob(".*.unfinished/*/trading.duckdb")
            copies.extend(path.stat().st_ino for path in found)
        return dbt_build(*arguments, **options)

    monkeypatch.setattr(command, "dbt_build", build)
    monkeypatch.setattr(command, "publish", publish)
    command.cycle(force=True)
    assert [settings.published_path.stat().st_ino] == copies
    assert not list(settings.published_path.parent.glob(".*"))


def test_what_belongs_to_no_chain_stops_the_publication(steps, settings, monkeypatch, tmp_path):
    failed = built(tmp_path, **{"operation.trading.on-run-end-0": "Catalog Error"})
    monkeypatch.setattr(command, "dbt_build", lambda *_, **__: failed)
    with pytest.raises(BuildFailedError, match=r"Catalog Error; nothing was published"):
        command.cycle()
    assert not settings.published_path.exists()


def test_a_failed_audit_leaves_what_was_published_of_those_rows(steps, settings, monkeypatch):
    command.cycle()
    before = settings.published_path.stat().st_ino
    why = "ticks, lean AIG trade: no price"
    bad = AuditResult(passed=False, batch_id=2, critical=[why], failed={"raw.market_ticks": why})
    monkeypatch.setattr(command, "audit", lambda _: bad)
    with pytest.raises(PublishedInPartError, match=r"no price.*ingest audit --accept"):
        command.cycle(force=True)
    assert settings.published_path.stat().st_ino != before
    told = "select relation, held_back_because from publication_status order by all"
    with duckdb.connect(str(settings.published_path), read_only=True) as reader:
        assert reader.execute(told).fetchall() == [
            ("bars", f"source raw.market_ticks: {why}"),
            ("metrics", None),
        ]


def test_a_failed_audit_of_the_first_cycle_says_what_to_do(steps, settings, monkeypatch):
    why = "ticks, lean AIG trade: no price"
    bad = AuditResult(passed=False, batch_id=2, critical=[why], failed={"raw.market_ticks": why})
    monkeypatch.setattr(command, "audit", lambda _: bad)
    with pytest.raises(IngestError, match=r"nothing was before: .*no price.*audit --accept"):
        command.cycle()
    assert not settings.published_path.exists()


def test_a_segment_that_cannot_be_landed_is_named_after_the_rest_was_published(
    steps, settings, monkeypatch
):
    stuck = LandingResult(file="bad.parquet", kind="ticks", state="failed", error="disk full")
    monkeypatch.setattr(command, "land_pending", lambda _: [stuck])
    with pytest.raises(IngestError, match=r"bad\.parquet: disk full"):
        command.cycle()
    assert settings.published_path.exists()


def test_what_fails_after_the_publication_does_not_look_like_a_failed_cycle(
    steps, settings, monkeypatch, capsys
):
    def busy(_):
        raise DatabaseBusyError("trading.duckdb is held by process 1")

    monkeypatch.setattr(command, "compact_database", busy)
    with pytest.raises(IngestError, match=r"^built and published, but .*: trading\.duckdb is held"):
        command.cycle()
    assert settings.published_path.exists()
    printed = capsys.readouterr().out
    assert "built 1 models" in printed
    assert str(settings.published_path) in printed


def test_cold_files_that_are_gone_are_named_before_anything_is_built(steps, settings):
    with open_writer(settings) as connection:
        migrate(connection)
        for number, relation in enumerate(("orders", "trades")):
            file = {"file_id": number, "path": f"cold/{relation}.parquet", "state": "local"}
            register_cold_file(connection, relation, "2024-01-01", **file)
        register_cold_file(connection, "orders", "2024-01-02", file_id=2)  # in the archive only
    with pytest.raises(ExportError, match=r"2 cold files that are not there.*cold/orders\.parquet"):
        command.cycle()
    assert steps == []


def test_two_cycles_do_not_overlap(steps, settings):
    with (
        process_lock(settings.data_dir / "cycle.lock", "ingest cycle"),
        pytest.raises(DatabaseBusyError, match="another ingest cycle is running"),
    ):
        command.cycle()
    assert steps == []


def test_outside_the_project_it_says_where_to_run_it(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"no dbt_project\.yml in"):
        command.cycle()
    assert not settings.data_dir.exists()


@pytest.mark.long
def test_a_failed_node_is_named_with_its_cause(settings, tmp_path, monkeypatch):
    """A project of one model that cannot be built, run by the real dbt."""
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "models" / "broken.sql").write_text("select * from nowhere")
    (project / "dbt_project.yml").write_text("name: p\nprofile: p\nversion: 1.0.0\n")
    profile = {"target": "d", "outputs": {"d": {"type": "duckdb", "path": str(tmp_path / "d.db")}}}
    (project / "profiles.yml").write_text(json.dumps({"p": profile}))
    monkeypatch.chdir(project)
    failed = dbt_run.dbt_build(settings, {}).failed
    assert failed["model.p.broken"].startswith("Catalog Error: Table with name nowhere does not")
    with open_writer(settings) as connection:
        logged = connection.execute("select level, event, message from raw.application_logs")
        assert logged.fetchall() == [("error", "dbt_error", "model.p.broken: error")]


def test_what_readers_measured_is_landed_and_gone(steps, settings):
    command.cycle()
    with ReaderPool(settings) as pool:
        pool.query("select 'what no log may show'", operation="asked")
    folder = telemetry_dir(settings)
    assert list(folder.glob("metrics-*.ndjson"))
    odd = {"metrics-1-cut": "{", "logs-1-of-another-version": '{"unheard": 1}\n', "logs-2": "[1]"}
    for name, text in odd.items():
        (folder / f"{name}.ndjson").write_text(text)
    command.cycle(force=True)
    assert {path.stem for path in folder.rglob("*") if path.is_file()} == set(odd)
    with open_writer(settings) as connection:
        landed = connection.execute(
            "select sum(value) from raw.system_metrics"
            " where metric_name = 'database.queries.total' and labels.component = 'asked'"
        ).fetchone()
        shown = connection.execute(
            "select count(*) from (select m::varchar as t from raw.system_metrics as m"
            " union all select l::varchar from raw.application_logs as l) where t like '%no log%'"
        ).fetchone()
    assert (landed, shown) == ((1,), (0,))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["publish"], 1, "run `ingest init`"),
        (["cycle", "--as-of", "tomorrow"], 2, "--as-of tomorrow"),
        (["cycle", "--as-of", "2999-01-01"], 2, "give --force if it is meant"),
        (["archive", "--as-of", "2999-01-01"], 2, "give --force if it is meant"),
        (["spark", "--as-of", "2999-01-01"], 2, "give --force if it is meant"),
    ],
)
def test_wrong_use_is_one_line_and_a_code(data_dir, arguments, code, says):
    done = run_ingest(data_dir, *arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
