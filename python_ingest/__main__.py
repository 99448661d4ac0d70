"""`python -m python_ingest` is `ingest`."""

from python_ingest.interrupts import main

main()
