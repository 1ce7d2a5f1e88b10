"""Dagster's web page behind a guard: who may be asked under which name, by which page, with which token.

What belongs here: rules for requests, and how Dagster's own commands are started with them. What does not: pages of
our own.
"""
