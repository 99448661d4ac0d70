"""The audit of newly landed data."""
