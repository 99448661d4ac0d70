"""The SQL of `queries/`, by name."""

from pathlib import Path

from python_ingest.storage.statements import Statements

# Whose word counts where two ticks of one key disagree; a websocket's counts after theirs.
RELIABLE = "('rest', 'backfill')"

SQL = Statements(Path(__file__).with_name("queries"), reliable=RELIABLE)
