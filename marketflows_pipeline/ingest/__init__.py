"""Bringing market caps into the warehouse under a credit budget.

Backfill once, then increments from pages, then repair of gaps.
"""
