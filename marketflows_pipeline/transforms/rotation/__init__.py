"""Rotation of series against a benchmark, and what chance alone gives."""
