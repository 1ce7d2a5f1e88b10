"""What stands in the place of a service's plan where the user's own files give the market caps."""

from __future__ import annotations

from marketflows_pipeline.providers.plan import CallCosts, Plan

# Days for which a coin's newest row is its present state, unless the settings say otherwise: daily figures of a
# weekend are often written on Monday.
MAX_AGE_DAYS = 3


# Limits that are never met, and an address that is never requested.
FILES = Plan("http://localhost", None, 1_000_000, 1_000_000_000, 365)
# No endpoint, since no answer costs a call.
COSTS = CallCosts(
    history="", coins="", by_id="", category="", category_names="", category_figures="", has_one_list=True
)
