"""The conventions themselves are complete: no rule is forgotten, no hook calls a missing tool."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from dbt_bouncer.utils import get_check_objects
from unit_tests import UNIT_TESTS

from python_ingest.feeds.kinds import KINDS

REPOSITORY = Path(__file__).parents[3]
BOUNCER = (REPOSITORY / "dbt-bouncer.yml").read_text()
PROPERTIES = sorted(
    path
    for folder in ("models", "seeds", "snapshots")
    for path in (REPOSITORY / folder).rglob("*.yml")
)


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_every_rule_of_dbt_bouncer_is_used_or_skipped_with_a_reason():
    known = {snake(check.__name__) for check in get_check_objects(None)}
    used = {check["name"] for check in yaml.safe_load(BOUNCER)["manifest_checks"]}
    skipped = set(
        re.findall(r"check_\w+", "".join(re.findall(r"^# +skipped: .*$", BOUNCER, re.MULTILINE)))
    )
    assert len(known) > 100
    assert not used & skipped
    assert known == used | skipped


# What says that a model computes: it aggregates, looks at other rows, decides, or rounds.
COMPUTES = re.compile(
    r"\b(sum|min|max|avg|product|count|count_if|first|last|lag|lead|arg_min|arg_max|if)\("
    r"|\bcase\b|\bwindow\b|\b(rounded|in_money|percentage|divide_\w+|average_price|vwap)\("
)
MARTS = {
    path.stem: re.sub(r"--.*|\{#.*?#\}", "", path.read_text())
    for path in sorted((REPOSITORY / "models" / "marts").rglob("*.sql"))
}


def is_incremental(test: dict) -> bool | None:
    return test.get("overrides", {}).get("macros", {}).get("is_incremental")


@pytest.mark.parametrize("model", [name for name, sql in MARTS.items() if COMPUTES.search(sql)])
def test_a_mart_that_computes_has_unit_tests(model):
    assert any(test["model"] == model for test in UNIT_TESTS)


@pytest.mark.parametrize(
    "model", [name for name, sql in MARTS.items() if "is_incremental()" in sql]
)
def test_both_branches_of_a_mart_have_unit_tests(model):
    """What a restated region leaves out is no less a rule than what is computed."""
    assert {is_incremental(test) for test in UNIT_TESTS if test["model"] == model} >= {True, False}


def test_rows_of_unit_tests_are_short():
    """An anchor says what they have in common: a line is what its case is about."""
    for path in PROPERTIES:
        if path.name.endswith("_unit_tests.yml"):
            rows = re.findall(r"^ +- \{.*\}$", path.read_text(), re.MULTILINE)
            assert all(len(row) < 400 for row in rows), [row for row in rows if len(row) >= 400]


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda path: path.name)
def test_properties_are_written_in_one_form(path):
    """A model, column or test is a block; only unit tests have rows of one line each."""
    described = path.read_text().partition("unit_tests:")[0]
    assert not re.findall(r"^ *- \{.*$", described, re.MULTILINE)


def test_hooks_run_tools_that_are_there():
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    targets = subprocess.run(
        ["make", "-npq"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout
    for repository in config["repos"]:
        assert repository["repo"] == "local"  # nothing is downloaded
        for hook in repository["hooks"]:
            tool, *arguments = hook["entry"].split()
            if tool == "make":
                assert re.search(rf"^{arguments[0]}:", targets, re.MULTILINE)
            else:
                assert Path(tool).name in {"ruff", "mypy", "lint-imports"}


def test_owners_of_groups_are_teams():
    groups = yaml.safe_load((REPOSITORY / "models/_groups.yml").read_text())["groups"]
    mailboxes = {group["owner"]["email"].split("@")[0] for group in groups}
    asked = set(re.findall(r"@trading/(\S+)", (REPOSITORY / ".github/CODEOWNERS").read_text()))
    assert asked == mailboxes


def test_lint_looks_at_the_migration_models_too():
    """They are off without TimescaleDB, and what is off is not looked at."""
    commands = subprocess.run(
        ["make", "-n", "-W", ".sqlfluff", "conventions", "lint-sql"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    reading = [line for line in commands if re.search(r"\b(dbt parse|sqlfluff lint)\b", line)]
    assert len(reading) == 2
    assert all(re.search(r"\bTIMESCALE_DSN=\S", line) for line in reading), reading


def test_landings_take_every_kind_that_lands():
    """Whoever adds a kind is told here, not by the first cycle after such a file landed."""
    described = yaml.safe_load(
        (REPOSITORY / "models/marts/observability/_observability__models.yml").read_text()
    )
    (landings,) = (model for model in described["models"] if model["name"] == "landings")
    (test,) = (test["every_row"] for test in landings["data_tests"] if "every_row" in test)
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    assert f"kind is null or kind in ({kinds})" in test["arguments"]["expressions"]
