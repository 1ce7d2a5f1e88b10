"""Dagster's web page behind a guard: who may be asked under which name, by which page, with which token."""
