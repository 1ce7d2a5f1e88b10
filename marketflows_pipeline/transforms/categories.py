"""The names that series and bases are filed under.

What belongs here: names that mean the same in every table. What does not: words shown to people (labels).
"""

from __future__ import annotations

NARRATIVES = "Narratives"
PORTFOLIOS = "Portfolios"
RANGES = "Ranges"

US_DOLLAR = "us-dollar"
"""The base that divides by nothing: every market cap is in USD."""
