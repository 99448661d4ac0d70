"""From TimescaleDB to DuckDB and back: extract, migrate, dual write, status."""
