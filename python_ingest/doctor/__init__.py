"""`ingest doctor`: what is there, how it does, and what mends it."""
