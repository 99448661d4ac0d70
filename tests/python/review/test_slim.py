"""`make slim`: what a branch changed is built again in a copy of production, and compared."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from sample_build import REPOSITORY

PROJECT = "models macros seeds snapshots tests/generic tests/invariants analyses".split()
FILES = "dbt_project.yml profiles.yml selectors.yml database.toml Makefile".split()
PERCENTAGES = ("positions", "current_positions")
WARM = sorted((REPOSITORY / "models" / "marts").rglob("*_warm.sql"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def branch(sample, tmp_path_factory) -> Path:
    """A checkout with an edit of each kind; `production` is a copy of what was built."""
    folder = tmp_path_factory.mktemp("branch")
    for name in PROJECT:
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in FILES:
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "production").mkdir()
    built = ("trading.duckdb", "dbt/manifest.json", "dbt/run_results.json")
    for file in built:
        shutil.copy(sample / file, folder / "production")
    # A comment: no row differs, of warm or cold rows, nor of what lies above them.
    for path in WARM:
        model = folder / path.relative_to(REPOSITORY)
        model.write_text(model.read_text() + "-- looked at\n")
    # How vwap is rounded.
    change(
        folder / "models/marts/market/ohlcv_bars_warm.sql",
        "{{ vwap('notional_whole', 'notional_fraction', 'volume', 'vwap_guess') }} as vwap",
        "round({{ vwap('notional_whole', 'notional_fraction', 'volume', 'vwap_guess') }}, 4)"
        "::decimal(18, 8) as vwap",
    )
    # A macro: percentages of two decimals. A seed: less margin.
    change(folder / "macros/trading/exact.sql", "units(denominator), 4", "units(denominator), 2")
    with (folder / "seeds/margin_rates.csv").open("a") as rates:
        rates.write("equity,0.5\ncrypto_spot,0.5\n")
    return folder


@pytest.fixture(scope="module")
def printed(branch, sample) -> str:
    """What `make slim-rows` prints there."""
    tools = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "DATA_DIR": str(sample),
        "PYTHONPATH": str(REPOSITORY),
    }
    environment.pop("DATABASE_PATH", None)
    installed = f"{tools.parent}/.installed"
    done = subprocess.run(
        ["make", "-o", installed, "slim-rows", f"VENV={tools.parent}", "PRODUCTION=production"],
        cwd=branch,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rows(printed) -> dict[str, list[str]]:
    """The comparison's table: cells by relation."""
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", printed, re.MULTILINE)
    return {relation: [cell.strip() for cell in rest.split(" | ")] for relation, rest in lines}


def test_vwap_changed_in_just_the_rows_that_round_otherwise(rows, sample, printed):
    """Worked out from production's own rows, a cold one among them."""
    with duckdb.connect(str(sample / "trading.duckdb"), read_only=True) as production:
        whole, changed, cold = production.execute(
            "select count(*), count_if(vwap <> round(vwap, 4)),"
            " count_if(vwap <> round(vwap, 4) and bar_id in (select bar_id from cold.ohlcv_bars))"
            " from ohlcv_bars"
        ).fetchone()
    assert cold > 0
    assert rows["ohlcv_bars"][1:] == [
        *(f"{count:,}" for count in (whole, whole, 0, 0, changed)),
        f"`vwap` {changed:,}",
    ]
    example = (
        r"- changed: exchange \w+, symbol \w+, timeframe \w+, timestamp [^,]+: `vwap` \S+ → \S+"
    )
    _, _, examples = printed.partition("`ohlcv_bars`, for example:")
    assert len(re.findall(example, examples.split("\n\n")[1])) == 3


def test_a_margin_rate_changes_margins_and_nothing_else(rows):
    for relation in ("account_snapshots", "portfolio_snapshots"):
        _, before, after, only_before, only_after, changed, columns = rows[relation]
        assert (before, only_before, only_after) == (after, "0", "0")
        assert changed != "0"
        assert set(re.findall(r"`(\w+)`", columns)) == {"margin_used", "buying_power"}


def test_a_macro_changes_the_percentages_that_it_computes(rows):
    for relation in PERCENTAGES:
        _, before, after, only_before, only_after, changed, columns = rows[relation]
        assert (before, only_before, only_after) == (after, "0", "0")
        assert changed != "0"
        percentages = {"unrealized_pnl_pct", "max_drawdown_pct"}
        assert set(re.findall(r"`(\w+)`", columns)) <= percentages


def test_what_bars_said_before_is_kept(rows):
    """As production would keep it."""
    _, before, after, only_before, only_after, changed, _ = rows["ohlcv_bar_revisions"]
    assert (only_before, changed) == ("0", "0")
    assert after != before
    assert only_after != "0"


def test_a_comment_changes_no_row(rows, printed):
    """All that is built from the `_warm` models is compared."""
    bars = {"ohlcv_bars", "ohlcv_bars_filled"}
    expected = {"account_snapshots", "portfolio_snapshots", *PERCENTAGES, *bars}
    expected |= {"order_slippage"}  # has a percentage too; its key is tested of one day only
    # What the last cycle tells of its build lands after it.
    assert rows.get("system_metrics_1h", [""] * 7)[3:6:2] in (["", ""], ["0", "0"])
    assert set(rows) - {"system_metrics_1h"} <= {*expected, "ohlcv_bar_revisions"}
    assert ("landed after the last build" in printed) == ("system_metrics_1h" in rows)
    (same,) = re.findall(r"^\d+ relations say the same, row by row: (.*)\.$", printed, re.MULTILINE)
    compared = set(rows) | set(re.findall(r"`(\w+)`", same))
    assert compared >= {path.stem.removesuffix("_warm") for path in WARM}
    assert compared >= {"orders", "trades", "round_trips", "lots", "system_metrics_1h"}
    assert "Not built" not in printed


def test_production_was_read_and_not_written(printed, sample, branch):
    copy = branch / "production" / "trading.duckdb"
    assert copy.read_bytes() == (sample / "trading.duckdb").read_bytes()


# Answers Ctrl-C as dbt does.
DBT = """#!{python}
import time
from pathlib import Path

Path("begun").touch()
time.sleep(60)
"""


@pytest.mark.parametrize("target", ["slim", "docs"])
def test_ctrl_c_ends_dbt_without_a_traceback(tmp_path: Path, target: str) -> None:
    bin_folder = tmp_path / "venv" / "bin"
    bin_folder.mkdir(parents=True)
    for name, text in {"dbt": DBT.format(python=sys.executable), "ingest": "#!/bin/sh\n"}.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    (bin_folder / "python").symlink_to("/bin/true")
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "production").mkdir()
    for name in ("trading.duckdb", "run_results.json"):
        (tmp_path / "production" / name).touch()
    made_by = ["make", "-o", "venv/.installed", target, "VENV=venv", "PRODUCTION=production"]
    with subprocess.Popen(
        # a make that runs the tests has told its own
        ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", *made_by],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as made:
        while not (tmp_path / "begun").exists():
            assert made.poll() is None
            time.sleep(0.02)
        os.killpg(made.pid, signal.SIGINT)
        said, _ = made.communicate(timeout=60)
    assert made.returncode
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("make: *** ")
