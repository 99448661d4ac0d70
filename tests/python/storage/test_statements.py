"""SQL in files: names stand for what is said, and nothing else is changed."""

from pathlib import Path

import pytest

from python_ingest.feeds.query import SQL as FEEDS
from python_ingest.landing.query import SQL as LANDING
from python_ingest.storage.statements import Statements

TEXT = """-- About the file.

-- Is it large?
-- :is_large(number)
$number > $limit
-- :counted(table,
--  number)
select '{"$.a": 1}', $$first, '^x{2}$' from $table
    -- a comment
where $is_large
-- :larger(table)
select $is_large(t.n), $table (n) from $table as t where ($is_large(m))
"""


@pytest.fixture
def statements(tmp_path: Path) -> Statements:
    (tmp_path / "a.sql").write_text(TEXT)
    return Statements(tmp_path, limit="7")


def test_names_stand_for_what_is_said_and_for_each_other(statements: Statements) -> None:
    said = "select '{\"$.a\": 1}', $first, '^x{2}$' from \"$t{0}\"\nwhere n + 1 > 7"
    assert statements.counted('"$t{0}"', "n + 1") == said
    assert statements.counted(number="n + 1", table='"$t{0}"') == said


def test_a_statement_is_named_with_the_columns_that_it_is_about(statements: Statements) -> None:
    said = "select t.n > 7, {s} (n) from {s} as t where (m > 7)"
    assert statements.larger("{s}") == said


@pytest.mark.parametrize("said", [(), ("a", "b"), ("a", "b", "c")])
def test_what_is_not_said_is_wrong(statements: Statements, said: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match="is_large: wants number"):
        statements.is_large(*said)
    with pytest.raises(AttributeError):
        statements.is_small("1")


@pytest.mark.parametrize("of", [FEEDS, LANDING], ids=["feeds", "landing"])
def test_every_name_in_our_statements_is_known(of: Statements) -> None:
    for name, (parameters, _) in of._texts.items():
        assert getattr(of, name)(*parameters)
