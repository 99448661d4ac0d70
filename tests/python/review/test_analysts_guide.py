"""docs/analysts.md does what it says: every query answers, every snippet connects."""

import json
import re

import duckdb
import pytest
from sample_build import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "analysts.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", blocks("sql"), ids=range(len(blocks("sql"))))
def test_a_query_answers(sample, query):
    path = str(sample / "published" / "trading.duckdb")
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute(query).fetchall()
    assert rows
    assert any(value is not None for row in rows for value in row[1:])


def test_there_are_twelve():
    assert len(blocks("sql")) == 12


@pytest.mark.parametrize("snippet", blocks("python"), ids=range(len(blocks("python"))))
def test_a_snippet_connects(sample, snippet, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(sample)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_DIR", raising=False)
    names: dict = {}
    exec(compile(snippet, "docs/analysts.md", "exec"), names)  # noqa: S102 - our own guide
    if "bars" in names:
        assert names["bars"].num_rows > 0
    if "positions" in names:
        assert names["positions"].num_rows == 2


def test_its_table_lists_what_is_published(sample):
    manifest = json.loads((sample / "dbt" / "manifest.json").read_text())
    off = [node for nodes in manifest["disabled"].values() for node in nodes]
    public = {
        node["name"]
        for node in [*manifest["nodes"].values(), *off]
        if node["resource_type"] == "model" and node["access"] == "public"
    }
    listed = set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE))
    assert listed == public, "each public mart has its line in docs/analysts.md, with its grain"
