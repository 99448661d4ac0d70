"""Lines are cut as Python's own reader cuts them, or they are damaged."""

import csv
import io
import random

import duckdb
import pytest

from python_ingest.feeds.text import fields_of_line

PIECES = ["a", "B c", "", "12.5", '"', '""', '"""', ",", ";", "'", "\\", "é", "\x01", " "]


def written(rng: random.Random, delimiter: str) -> str:
    """A row as a proper writer writes it, in one line."""
    fields = ["".join(rng.choices(PIECES, k=rng.randint(0, 3))) for _ in range(rng.randint(2, 5))]
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    with io.StringIO() as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="").writerow(fields)
        return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_is_cut_as_python_cuts_it(delimiter: str, end: str) -> None:
    rng = random.Random(7)  # noqa: S311
    lines = [written(rng, delimiter) + end for _ in range(3000)]
    # a single empty field is a blank line, which is none; \x01 takes the long way
    assert any('""' in line for line in lines)
    assert any("\x01" in line and '"' in line for line in lines)
    connection = duckdb.connect()
    connection.execute("create table lines as select unnest($lines) as line", {"lines": lines})
    found = connection.execute(f"select line, {fields_of_line(delimiter)} from lines").fetchall()
    for line, fields in found:
        (expected,) = csv.reader([line.rstrip("\r\n")], delimiter=delimiter)
        assert fields is not None, line
        fields[-1] = fields[-1].rstrip("\r\n")
        assert fields == expected, line


def test_a_stray_quote_changes_no_field() -> None:
    """Whatever stands in a line: its fields are those that Python reads, or it is damaged."""
    rng = random.Random(8)  # noqa: S311
    lines = ["".join(rng.choices(PIECES, k=rng.randint(1, 12))) for _ in range(5000)]
    connection = duckdb.connect()
    connection.execute("create table lines as select unnest($lines) as line", {"lines": lines})
    found = connection.execute(f"select line, {fields_of_line(',')} from lines").fetchall()
    whole = [(line, fields) for line, fields in found if line and fields is not None]
    assert len(whole) > 1000
    for line, fields in whole:
        assert [fields] == list(csv.reader([line])), line


@pytest.mark.parametrize("line", ['a,"b\n', '"a"b,c\n', 'a,"b"c"\n', '"\n', 'a,"b,c\n'])
def test_quotes_that_are_not_closed_are_damage(line: str) -> None:
    connection = duckdb.connect()
    found = connection.execute(
        f"select {fields_of_line(',')} from (select $line as line)", {"line": line}
    )
    assert found.fetchall() == [(None,)]
