"""Backups: made, verified, listed, restored to any point in time."""
