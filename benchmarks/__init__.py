"""Measurements beside the published marketflows 0.1.1: ``python -m benchmarks`` runs them all and writes RESULTS.md."""
