"""Name the categories that series and bases are filed under."""

from __future__ import annotations

NARRATIVES = "Narratives"
PORTFOLIOS = "Portfolios"
RANGES = "Ranges"
COHORT = "Cohort"
"""All ranges together."""

US_DOLLAR = "us-dollar"
"""The base that divides by nothing: every market cap is in USD."""
