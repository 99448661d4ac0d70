"""A clock that is yet to come is refused, and where it is meant it does not outrun the data."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from forked import run_dbt
from sample_build import ingest

from python_ingest.cli.clock import clock, variables
from python_ingest.errors import UsageError


def test_a_time_that_has_come_is_utc_without_zone():
    assert clock("", force=False) is None
    assert clock("2024-08-09", force=False) == datetime(2024, 8, 9)
    assert variables("2024-08-09 02:00:00+02:00", force=False)["as_of"] == "2024-08-09 00:00:00"
    assert variables("", force=True) == {}


def test_a_minute_is_granted_and_no_more():
    now = datetime.now(UTC)
    assert clock(str(now + timedelta(seconds=30)), force=False)
    with pytest.raises(UsageError, match="is yet to come"):
        clock(str(now + timedelta(seconds=120)), force=False)
    assert clock("2999-01-01", force=True) == datetime(2999, 1, 1)
    with pytest.raises(UsageError, match="not a time"):
        clock("tomorrow", force=True)
    with pytest.raises(UsageError, match="not a time"):
        clock("0001-01-01T00:00+14:00", force=True)


def land_metrics(data_dir: Path, name: str, times: list[datetime]) -> None:
    file = data_dir.parent / f"{name}.ndjson"
    rows = [
        {"timestamp": str(at), "metric_name": "lag", "metric_type": "gauge", "value": number}
        for number, at in enumerate(times)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = ingest(data_dir, "land", "metrics", str(file))
    assert done.returncode == 0, done.stderr
    assert f"{len(rows)} landed" in done.stdout


def test_a_cycle_ahead_of_the_clock_does_not_lock_todays_metrics_out(data_dir):
    """They were rolled up, later ones of the day rejected, and the audit published nothing more."""
    now = datetime.now(UTC).replace(tzinfo=None)
    assert ingest(data_dir, "init").returncode == 0
    land_metrics(data_dir, "first", [now - timedelta(seconds=number) for number in range(1, 20)])
    ahead = ("cycle", "--as-of", str(now + timedelta(days=30)))
    refused = ingest(data_dir, *ahead)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "is yet to come" in refused.stderr
    done = ingest(data_dir, *ahead, "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    land_metrics(data_dir, "later", [now - timedelta(milliseconds=n) for n in range(1, 20)])
    done = ingest(data_dir, "cycle")
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(
        str(data_dir / "published" / "trading.duckdb"), read_only=True
    ) as published:
        counted = "select count(*) from system_metrics where metric_name = 'lag'"
        assert published.execute(counted).fetchall() == [(38,)]


def test_time_moves_nothing_past_the_newest_landed_moment(data_dir, monkeypatch):
    """Years later nothing else has landed: the last days are as warm as they were."""
    monkeypatch.setenv("OBSERVABILITY_ENABLE_METRICS", "false")  # landing reports on itself
    day = datetime(2024, 8, 1)
    assert ingest(data_dir, "init").returncode == 0
    land_metrics(data_dir, "old", [day + timedelta(hours=number) for number in range(24 * 10)])
    ticks = data_dir.parent / "ticks.csv"
    ticks.write_text(
        "exchange,symbol,timestamp,last_price,last_size\n"
        "x,A,2024-08-01 12:00:00,1,1\nx,A,2024-08-09 12:00:00,1,1\n"
    )
    assert ingest(data_dir, "land", "ticks", str(ticks)).returncode == 0
    chosen = ("--select", "+path:models/retention", "int_exchange_high_water_marks")
    without = ("--exclude-resource-type", "test", "unit_test")
    build = ("build", *without, *chosen, "--vars")
    done = run_dbt(data_dir, *build, '{"as_of": "2026-01-01 00:00:00"}')
    assert done.returncode == 0, done.stdout[-3000:]
    # A full refresh as of an earlier moment takes nothing back that was complete.
    whole = ("run", "--full-refresh", "--select", chosen[-1], "--vars")
    done = run_dbt(data_dir, *whole, '{"as_of": "2024-08-09 12:00:00"}')
    assert done.returncode == 0, done.stdout[-3000:]
    with duckdb.connect(str(data_dir / "trading.duckdb"), read_only=True) as warehouse:
        dates = warehouse.execute(
            "select min(timestamp)::date::varchar, max(timestamp)::date::varchar"
            " from raw.system_metrics"
        ).fetchall()
        marks = warehouse.execute(
            "select complete_until::varchar from intermediate.int_exchange_high_water_marks"
        ).fetchall()
    assert dates == [("2024-08-03", "2024-08-10")]  # seven days before the last one
    assert marks == [("2024-08-09 23:00:00",)]  # a day before the last metric


def test_a_build_ahead_of_the_clock_is_refused_before_its_first_model(data_dir):
    assert ingest(data_dir, "init").returncode == 0
    ahead = json.dumps({"as_of": "2999-01-01 00:00:00"})
    failing = ("--select", "int_exchange_high_water_marks")  # nothing that it reads is built
    assert run_dbt(data_dir, "build", *failing).returncode == 1
    for command in ("retry", "build"):
        done = run_dbt(data_dir, command, "--vars", ahead)
        assert done.returncode != 0
        assert "as_of 2999-01-01 00:00:00 is yet to come" in done.stdout
        assert "START sql" not in done.stdout
    meant = json.dumps({"as_of": "2999-01-01 00:00:00", "force": True})
    done = run_dbt(data_dir, "build", "--select", "retention_policies", "--vars", meant)
    assert done.returncode == 0, done.stdout


def test_a_wrong_setting_is_named_before_the_first_model(data_dir):
    assert ingest(data_dir, "init").returncode == 0
    wrong = {
        "as_of": "tomorrow, it's late",
        "base_currency": "us D!",
        "position_mark_interval": "0 hours",
        "portfolio_eod_time": "25:00",
        "portfolio_timezone": "New York",
    }
    done = run_dbt(data_dir, "build", "--vars", json.dumps(wrong))
    assert done.returncode != 0
    for name, value in wrong.items():
        assert f"{name} {value} is no " in done.stdout
    assert "START sql" not in done.stdout
    misspelt = run_dbt(data_dir, "build", "--vars", '{"as_off": "2024-08-09"}')
    assert misspelt.returncode != 0
    assert "--vars as_off: no such setting, only force, " in misspelt.stdout
    assert "START sql" not in misspelt.stdout


def test_a_database_of_another_version_is_named_as_that(data_dir):
    assert ingest(data_dir, "init").returncode == 0
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        connection.execute("delete from raw.schema_versions where version > 7")
    done = run_dbt(data_dir, "build")
    assert done.returncode != 0
    assert re.search(r"has schema version 7, this code needs \d+: run `ingest init`", done.stdout)
