"""The conventions themselves are complete: no rule is forgotten, no hook calls a missing tool."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from dbt_bouncer.utils import get_check_objects

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
        ["make", "-n", "lint"], cwd=REPOSITORY, capture_output=True, text=True, check=True
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
    (kind,) = (column for column in landings["columns"] if column["name"] == "kind")
    (test,) = kind["data_tests"]
    assert test["accepted_values"]["arguments"]["values"] == list(KINDS)
