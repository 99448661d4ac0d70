"""The SQL of `queries/`, by name."""

from pathlib import Path

from python_ingest.landing.identity import KEYLESS, KEYS, UNORDERED
from python_ingest.landing.query import RELIABLE
from python_ingest.storage.statements import Statements

SQL = Statements(
    Path(__file__).with_name("queries"),
    keys=", ".join(KEYS),
    keyless=KEYLESS,
    unordered=UNORDERED,
    reliable=RELIABLE,
)
