"""Sockets to spool."""
