"""The database file, its lock, and files that appear whole or not at all."""
