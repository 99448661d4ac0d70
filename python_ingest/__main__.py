"""`python -m python_ingest` is `ingest`."""

from python_ingest.cli.main import main

main()
