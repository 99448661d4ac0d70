"""Decisions have one form, that of MADR: docs/adr/README.md says it."""

import re
from pathlib import Path

import pytest

ADR = Path(__file__).parents[3] / "docs/adr"
DECISIONS = sorted(ADR.glob("[0-9]*.md"))
FORM = ["Context", "Decision", "Consequences", "Considered options"]
STATUS = re.compile(r"Status: (?:accepted|superseded by \[\d{4}\]\((\d{4}-[a-z0-9-]+\.md)\))")


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_decision_has_its_form(path: Path) -> None:
    title, _, status, *lines = path.read_text().split("\n")
    assert re.fullmatch(rf"# {path.name[:4]} \S.*", title), "the title is '# number words'"
    replaced = STATUS.fullmatch(status)
    assert replaced, "the third line is the status"
    assert replaced[1] is None or (ADR / replaced[1]).exists()
    parts = [line.removeprefix("## ") for line in lines if line.startswith("#")]
    assert parts == [part for part in FORM if part in parts], "in this order, each once"
    assert "Decision" in parts


def test_a_number_is_given_once() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) .* \| ([\d, ]*) \|$", (ADR / "README.md").read_text(), re.M
    )
    assert {name for _, name, _ in rows} == {path.name for path in DECISIONS}
    given = [number for row in rows for number in (row[0], *re.findall(r"\d{4}", row[2]))]
    assert sorted(given) == sorted(set(given))
