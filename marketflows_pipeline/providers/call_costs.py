"""What a market-cap provider's answers cost in calls: budget, outlook and `plan` reckon with it. Quick to import."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class CallCosts:
    """Endpoints of a market-cap provider, without their values, and how much a call to each answers.

    Attributes:
        history: of one coin's history.
        coins: of coins by falling market cap.
        by_id: of coins that no page shows.
        category: of a category's coins.
        category_names: of the list of categories.
        category_figures: of all categories with their figures.
        coins_per_page: coins of a call to ``coins``; None where one call holds all that the plan lists.
        ids_per_call: coins of a call to ``by_id``.
        has_one_list: whether one call to ``category`` answers for every category, with names and figures.
    """

    history: str
    coins: str
    by_id: str
    category: str
    category_names: str
    category_figures: str
    coins_per_page: int | None = None
    ids_per_call: int = 1
    has_one_list: bool = False

    def of_coins(self, n_coins: int) -> int:
        """Calls that list this many coins at least."""
        return 1 if self.coins_per_page is None else math.ceil(n_coins / self.coins_per_page)

    def of_narratives(self, n_narratives: int) -> int:
        """Calls that list the coins of as many narratives."""
        return min(n_narratives, 1) if self.has_one_list else n_narratives
