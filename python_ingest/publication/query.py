"""The SQL of `queries/`, by name."""

from pathlib import Path

from python_ingest.storage.cold_files import READABLE
from python_ingest.storage.statements import Statements

SQL = Statements(Path(__file__).with_name("queries"), is_readable=READABLE)
