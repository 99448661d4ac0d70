"""The SQL of `queries/`, by name."""

from pathlib import Path

from python_ingest.storage.statements import Statements

SQL = Statements(
    Path(__file__).with_name("queries"),
    # a character for private use, which no vendor's text begins with
    mark="\ue000",
    # stands for a delimiter within a field, while a line without it is cut
    aside="\x01",
)
