"""What stands in the place of a service's plan where the user's own files give the market caps."""

from __future__ import annotations

from dataclasses import dataclass

from marketflows_pipeline.providers.call_costs import CallCosts

# Days for which a coin's newest row is its present state, unless the settings say otherwise: daily figures of a
# weekend are often written on Monday.
MAX_AGE_DAYS = 3


@dataclass(frozen=True)
class FilesPlan:
    """What a plan sets of an account, where there is none: limits that are never met, an address never requested."""

    base_url: str = "http://localhost"
    key_header: None = None
    calls_per_minute: int = 1_000_000
    monthly_credits: int = 1_000_000_000
    daily_history_days: int = 365
    hourly_history_days: int = 90
    five_minute_history_days: int = 1


FILES = FilesPlan()
# No endpoint, since no answer costs a call.
COSTS = CallCosts(
    history="", coins="", by_id="", category="", category_names="", category_figures="", has_one_list=True
)
