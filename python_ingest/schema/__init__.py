"""Numbered migrations of schema `raw`."""
