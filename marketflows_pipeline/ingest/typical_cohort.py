"""How many coins usually exceed a limit, where no run has counted them yet."""

from __future__ import annotations

import math
from itertools import pairwise

# Coins above a limit as of 2026, of which one fixed number is right for nobody: they lie on a line in logarithms.
TYPICAL_COHORTS = ((1e10, 25), (1e9, 110), (1e8, 490), (1e7, 1_490), (1e6, 4_000))


def typical_cohort(limit: float) -> int:
    """How many coins usually exceed a limit in USD: read off a line through known counts, both in logarithms."""
    points = [(math.log(at), math.log(count)) for at, count in TYPICAL_COHORTS]
    pairs = list(pairwise(points))
    (x1, y1), (x2, y2) = next((pair for pair in pairs if math.log(max(limit, 1.0)) >= pair[1][0]), pairs[-1])
    return max(0, round(math.exp(y1 + (math.log(max(limit, 1.0)) - x1) * (y2 - y1) / (x2 - x1))))
