"""The core runs where no package of an extra is; who asks for more is told what to install."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import (
    PackageNotFoundError,
    distribution,
    packages_distributions,
    requires,
)
from pathlib import Path
from subprocess import CompletedProcess

import duckdb
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from testkit import ask

from python_ingest.cli.main import COMMANDS, NEEDS
from python_ingest.extras import MODULES, lacking

REPOSITORY = Path(__file__).parents[3]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
ROOMS = "accounting cli feeds landing lifecycle publication schema storage"
TICKS = "exchange,symbol,timestamp,last_price,last_size,trade_id\nx,s,2024-01-02,1,2,a\n"
# Refuses, in this process and those that it starts, what only extras bring.
REFUSE = """
import sys
refused = {refused!r}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        if any(".".join(parts[:n]) in refused for n in range(1, len(parts) + 1)):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""


def brought(texts: Iterable[str]) -> set[str]:
    """Every distribution that these requirements bring, here."""
    found: set[str] = set()
    waiting = [(Requirement(text), "") for text in texts]
    while waiting:
        wanted, extra = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(wanted.name)
        for one in ("", *wanted.extras):
            if f"{name}[{one}]" in found:
                continue
            found |= {name, f"{name}[{one}]"}
            try:
                waiting += [(Requirement(text), one) for text in requires(name) or []]
            except PackageNotFoundError:
                continue
    return found


def modules_of(names: Iterable[str]) -> set[tuple[str, ...]]:
    """Every module of some distributions, and the packages above it."""
    found = set()
    for name in names:
        with suppress(PackageNotFoundError):
            for file in distribution(name).files or []:
                if file.suffix in (".py", ".so"):
                    path = (*file.parts[:-1], file.name.partition(".")[0])
                    found |= {path[:length] for length in range(1, len(path) + 1)}
    return found


@cache
def of_extras() -> set[str]:
    """Modules that only extras bring, of a package the package; `opentelemetry` dbt has too."""
    core = brought(PROJECT["dependencies"])
    only = brought([text for name in MODULES for text in EXTRAS[name]]) - core
    new = modules_of(only) - modules_of(core)
    return {".".join(path) for path in new if path[:-1] not in new}


@pytest.fixture
def without(tmp_path: Path) -> dict[str, str]:
    """The environment of processes in which no package of an extra can be imported."""
    (tmp_path / "refused").mkdir()
    text = REFUSE.format(refused=of_extras())
    (tmp_path / "refused" / "sitecustomize.py").write_text(text)
    path = os.pathsep.join([str(tmp_path / "refused"), str(REPOSITORY)])
    return os.environ | {"PYTHONPATH": path, "DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one model, with our plugins."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    shutil.copy(REPOSITORY / "profiles.yml", folder)
    (folder / "dbt_project.yml").write_text(
        "{name: trading, profile: trading, flags: {send_anonymous_usage_stats: false}}"
    )
    model = "{{ config(materialized='table') }} select symbol, last_price from raw.market_ticks"
    (folder / "models" / "prices.sql").write_text(model)
    (folder / "ticks.csv").write_text(TICKS)
    return folder


def run(
    folder: Path, environment: dict[str, str], *arguments: str, python: str = sys.executable
) -> CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "python_ingest", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def lands_and_publishes(folder: Path, environment: dict[str, str], python: str) -> None:
    """Run the core's commands; the audit is skipped, and said to be."""
    for command in ("init", "land ticks ticks.csv", "cycle"):
        done = run(folder, environment, *command.split(), python=python)
        assert done.returncode == 0, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if "audit was skipped" in line]
    assert said[0].endswith("is not installed: pip install 'trading-warehouse[audit]'")
    published = Path(environment["DATA_DIR"]) / "published/trading.duckdb"
    assert ask(published, "select symbol, count(*) from prices group by all") == [("s", 1)]


def test_extras_say_what_they_have() -> None:
    """What extras.py looks for is what pyproject.toml declares."""
    modules = packages_distributions()
    for extra, looked_for in MODULES.items():
        declared = {canonicalize_name(Requirement(text).name) for text in EXTRAS[extra]}
        found = {
            canonicalize_name(name)
            for module in looked_for
            for name in modules[module.partition(".")[0]]
        }
        # botocore comes with boto3, an exporter with its SDK's extra
        beside = {"botocore", "opentelemetry-exporter-otlp-proto-http"}
        assert declared - beside <= found, extra
        assert lacking(extra) is None
    assert set(NEEDS.values()) <= set(MODULES)
    assert set(NEEDS) <= set(COMMANDS)


@pytest.mark.long
def test_the_core_runs_without_any_extra(project: Path, without: dict[str, str]) -> None:
    assert {"boto3", "great_expectations", "opentelemetry.sdk", "psycopg"} <= of_extras()
    lands_and_publishes(project, without, sys.executable)
    names = [
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        for room in ROOMS.split()
        for path in sorted((REPOSITORY / "python_ingest" / room).glob("*.py"))
        if path.name not in ("s3_files.py", "s3_store.py")
    ]
    code = f"""
from importlib import import_module
from python_ingest.cli.main import COMMANDS, NEEDS, command
for name in {names!r}:
    import_module(name)
for name in COMMANDS:
    name in NEEDS or command(name)
"""
    subprocess.run([sys.executable, "-c", code], env=without, check=True, cwd=project)


def test_landing_imports_no_pandas(tmp_path: Path) -> None:
    """pyarrow and DuckDB do, for a third of a second, where they are asked in the wrong way."""
    data = tmp_path / "data"
    (tmp_path / "t.csv").write_text(TICKS)
    ticks = """
        select 'x' as exchange, 's' as symbol, timestamp '2024-01-02' as timestamp,
            1::decimal(18, 8) as last_price, 1::decimal(18, 8) as last_size, i::varchar as trade_id
        from range(3) as r(i)
    """
    duckdb.execute(f"copy ({ticks}) to '{tmp_path / 't.parquet'}'")
    files = ["t.parquet", "t.csv"]
    code = f"""
import sys
from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings
print(*land_files(load_settings(), "ticks", [Path(name) for name in {files}]))
print(sorted(sys.modules.keys() & {{"pandas", "polars"}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", "from pathlib import Path" + code],
        env=os.environ | {"DATA_DIR": str(data)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    landed, imported = done.stdout.splitlines()
    assert re.findall(r"landed=(\d)", landed) == ["3", "1"]
    assert imported == "[]"


def test_who_imports_the_pool_is_told_too(tmp_path: Path, without: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from python_ingest.serving import ReaderPool"],
        env=without,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pip install 'trading-warehouse[serve]'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", sorted(NEEDS))
def test_a_command_says_which_extra_it_lacks(
    command: str, tmp_path: Path, without: dict[str, str]
) -> None:
    done = run(tmp_path, without, command, *(["--help"] if command == "extract" else []))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ingest: ingest {command}: ")
    assert line.endswith(f" is not installed: pip install 'trading-warehouse[{NEEDS[command]}]'")
    assert not (tmp_path / "data").exists()


def test_a_store_on_s3_says_which_extra_it_lacks(tmp_path: Path, without: dict[str, str]) -> None:
    stores = {"BACKUP_STORE": "s3://bucket/backups"}
    done = run(tmp_path, without | stores, "backup", "list")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith(" is not installed: pip install 'trading-warehouse[s3]'")


def test_help_lists_all_commands_without_any_extra(tmp_path: Path, without: dict[str, str]) -> None:
    done = run(tmp_path, without, "--help")
    assert done.returncode == 0, done.stderr
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []


@pytest.mark.slow
def test_what_is_installed_alone_runs(project: Path, tmp_path: Path) -> None:
    """`pip install .` of a clean environment; asks the package index."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    shutil.copytree(REPOSITORY / "python_ingest", copy / "python_ingest")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(copy)], check=True)
    environment = os.environ | {"DATA_DIR": str(tmp_path / "data")}
    environment.pop("PYTHONPATH", None)
    lands_and_publishes(project, environment, python)
