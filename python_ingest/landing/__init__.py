"""The one way into schema `raw`."""
