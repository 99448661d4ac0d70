"""What `ingest cycle` does when a step fails; the whole chain is in test_sample.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from python_ingest.audit.run import AuditResult
from python_ingest.cli import cycle as command
from python_ingest.cli import dbt_run
from python_ingest.errors import (
    AuditFailedError,
    BuildFailedError,
    DatabaseBusyError,
    IngestError,
    UsageError,
)
from python_ingest.landing.land import LandingResult
from python_ingest.reading import ReaderPool
from python_ingest.reading.publish import publish
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer
from python_ingest.telemetry.segment_files import telemetry_dir

PASSED = AuditResult(passed=True, batch_id=1)
BUILT = dbt_run.BuildSummary(models=1, tests_passed=1, warnings=["m: 3 rows"])


@pytest.fixture
def steps(settings, monkeypatch) -> list[str]:
    """The steps that were taken; each does nothing and succeeds unless a test says otherwise."""
    taken = []

    def replace(name, result):
        def run(*_):
            taken.append(name)
            return result(settings) if callable(result) else result

        monkeypatch.setattr(command, name, run)

    replace("land_pending", [])
    replace("dbt_build", BUILT)
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


def test_a_failed_build_is_neither_audited_nor_published(steps, settings, monkeypatch):
    def fail(*_):
        raise BuildFailedError("dbt build failed, nothing was published: model.trading.orders")

    monkeypatch.setattr(command, "dbt_build", fail)
    with pytest.raises(BuildFailedError):
        command.cycle()
    assert steps == ["land_pending"]
    assert not settings.published_path.exists()


def test_a_failed_audit_leaves_the_former_publication(steps, settings, monkeypatch):
    command.cycle()
    before = settings.published_path.stat().st_ino
    bad = AuditResult(passed=False, batch_id=2, critical=["ticks: no price"])
    monkeypatch.setattr(command, "audit", lambda _: bad)
    with pytest.raises(AuditFailedError, match="ticks: no price"):
        command.cycle()
    assert settings.published_path.stat().st_ino == before


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


def test_a_failed_node_is_named(settings, tmp_path, monkeypatch):
    """A project of one model that cannot be built, run by the real dbt."""
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "models" / "broken.sql").write_text("select * from nowhere")
    (project / "dbt_project.yml").write_text("name: p\nprofile: p\nversion: 1.0.0\n")
    profile = {"target": "d", "outputs": {"d": {"type": "duckdb", "path": str(tmp_path / "d.db")}}}
    (project / "profiles.yml").write_text(json.dumps({"p": profile}))
    monkeypatch.chdir(project)
    with pytest.raises(BuildFailedError, match=r"nothing was published: model\.p\.broken"):
        dbt_run.dbt_build(settings, {})
    with open_writer(settings) as connection:
        logged = connection.execute("select level, event, message from raw.application_logs")
        assert logged.fetchall() == [("error", "dbt_error", "model.p.broken: error")]


def test_what_readers_measured_is_landed_and_gone(steps, settings):
    command.cycle()
    with ReaderPool(settings) as pool:
        pool.query("select 'what no log may show'", operation="asked")
    folder = telemetry_dir(settings)
    assert list(folder.glob("metrics-*.ndjson"))
    (folder / "metrics-1-broken.ndjson").write_text("{")
    command.cycle()
    assert [path.name for path in folder.iterdir()] == ["metrics-1-broken.ndjson"]
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
    done = subprocess.run(
        [sys.executable, "-m", "python_ingest", *arguments],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
