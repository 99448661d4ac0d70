"""What comments and pages point to is there: files, decisions, links between pages."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
READ = {".md", ".py", ".sql", ".yml", ".yaml", ".toml", ".sh", ".service", ".timer", ""}
FOLDERS = sorted({path.partition("/")[0] for path in TRACKED if "/" in path})
DECISIONS = {path.name[:4] for path in (REPOSITORY / "docs/adr").glob("*.md")}
DECISION = re.compile(r"\b(?:ADRs? |docs/adr/|\(adr/)(\d{4})\b")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
# A literal is no pointer: the program that opens the file says when it is not there.
NAMED = re.compile(
    rf"(?<![\w/.}}\"'-])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\.\w+)(?![\w\"'])"
)
MODULE = re.compile(r"(?<![\w/.*{}<-])(\w+\.py)\b(?![\w/(.\"'])")
# History tells of what was.
HISTORY = ("CHANGELOG.md",)


def texts() -> dict[str, str]:
    found = {}
    for name in TRACKED:
        path = REPOSITORY / name
        if (
            path.suffix in READ
            and path.is_file()
            and name != "tests/python/review/test_pointers.py"
        ):
            found[name] = path.read_text(encoding="utf-8", errors="replace")
    return found


TEXTS = texts()


def test_no_file_is_a_link() -> None:
    """A link leads to a place of one machine; a clone cannot install what should stand there."""
    kept = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(kept) > 100
    assert [line for line in kept if line.startswith("120000")] == []


def test_decisions_that_are_named_are_there() -> None:
    named = {(name, number) for name, text in TEXTS.items() for number in DECISION.findall(text)}
    assert len(named) > 100
    assert sorted((name, number) for name, number in named if number not in DECISIONS) == []


def test_links_between_pages_lead_somewhere() -> None:
    links = {
        (name, link)
        for name, text in TEXTS.items()
        if name.endswith(".md")
        for link in LINK.findall(text)
        if "://" not in link
    }
    assert len(links) > 30
    assert [
        each
        for each in sorted(links)
        if not (REPOSITORY / each[0]).parent.joinpath(each[1]).exists()
    ] == [("models/_overview.md", "lineage.html")]  # `make docs` writes it beside the site


def test_files_that_are_named_are_there() -> None:
    named = {
        (name, path)
        for name, text in TEXTS.items()
        if not name.startswith(HISTORY)
        for path in NAMED.findall(text)
    }
    assert len(named) > 100
    assert sorted((name, path) for name, path in named if not (REPOSITORY / path).exists()) == []


def test_modules_that_are_named_are_there() -> None:
    """A comment names another module of its folder by its name alone."""
    known = {Path(name).name for name in TRACKED}
    named = {
        (name, module)
        for name, text in TEXTS.items()
        if not name.startswith(HISTORY)
        for module in MODULE.findall(text)
    }
    assert len(named) > 10
    assert sorted((name, module) for name, module in named if module not in known) == []
