"""Seeded market and order flow for demos, tests and benchmarks."""
