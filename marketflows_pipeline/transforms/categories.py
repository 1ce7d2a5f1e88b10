"""Name the categories that series and bases are filed under."""

from __future__ import annotations

NARRATIVES = "Narratives"
PORTFOLIOS = "Portfolios"
RANGES = "Ranges"
COHORT = "Cohort"
"""All ranges together."""

OTHER = "other"
DISJOINT_RULE = "a coin in several narratives counts in the smallest of them by market cap, a coin in none in other"
"""How a market map puts each coin in one place, as pages, pictures and answers say it."""

US_DOLLAR = "us-dollar"
"""The base that divides by nothing: every market cap is in USD."""
