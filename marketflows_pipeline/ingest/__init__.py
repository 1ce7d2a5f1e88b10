"""Bringing market caps into the warehouse under a credit budget.

Backfill once, then increments from pages, then repair of gaps. What belongs here: what to ask for, in which order,
and how answers are committed. What does not: HTTP (providers/), SQL (warehouse/), formulas (transforms/), Dagster.
"""
