"""Decisions have one form: docs/adr/README.md says it."""

import re
from pathlib import Path

import pytest

DECISIONS = sorted((Path(__file__).parents[3] / "docs/adr").glob("[0-9]*.md"))
FORM = ["Why", "Decision", "What follows"]
OTHERWISE = re.compile(r"^\*+(?:Context|Consequences|Decided|The question)\b.*", re.MULTILINE)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_decision_has_its_form(path: Path) -> None:
    text = path.read_text()
    assert re.match(rf"# {path.name[:4]} \S.*\n\n", text), "the title is '# number words'"
    parts = re.findall(r"^\*\*(Why|Decision|What follows)\.\*\*", text, re.MULTILINE)
    assert parts == [part for part in FORM if part in parts], "in this order, each once"
    assert "Decision" in parts
    assert OTHERWISE.findall(text) == [], f"the words are {FORM}"


def test_what_replaces_is_named_by_what_it_replaced() -> None:
    names = {path.name for path in DECISIONS}
    for path in DECISIONS:
        for name in re.findall(r"^Status: superseded by \[\d{4}\]\((.*)\)", path.read_text(), re.M):
            assert name in names, f"{path.name}: {name} is not there"
