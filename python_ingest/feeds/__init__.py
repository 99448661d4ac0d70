"""Bytes of one format to one relation of canonical columns, nothing else."""
