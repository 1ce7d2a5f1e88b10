"""Tables of daily closes, from which indices, breadth, attribution and migration are computed."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import COIN, flag, integer, moment, text, usd
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="market_caps", may_be_empty=True)

DAILY_CLOSE_TABLES: tuple[Table, ...] = (
    _table(
        name="core.daily_closes",
        grain="one coin at one 00:00 UTC",
        key=("coin_id", "ts"),
        description=(
            "The last observation with a price at or before each 00:00 UTC, at most two days old, of all that is "
            "stored, whatever the window. Prices are as they were: a redenomination shows as a step."
        ),
        columns=(
            COIN,
            moment("ts", "Close at 00:00 UTC", "raw.market_caps.ts"),
            usd("market_cap_usd", "Market cap of that observation", "raw.market_caps.market_cap_usd", nullable=False),
            usd("price_usd", "Price of that observation", "raw.market_caps.price_usd", nullable=False),
            moment("observed_at", "When it was observed", "raw.market_caps.ts"),
        ),
        as_of="ts",
    ),
    _table(
        name="core.listed_members",
        grain="one coin of one narrative's list, as known at one 00:00 UTC",
        key=("ts", "series", "coin_id"),
        description=(
            "The last list of each narrative that was stored in the UTC day before each close, without the coins that "
            "exclude_categories dropped then. A day without a run has none."
        ),
        columns=(
            moment("ts", "The first 00:00 UTC at or after the observation", "raw.narrative_members.observed_at"),
            text("series", "Narrative slug of the settings", "raw.narrative_members.narrative"),
            COIN,
            integer(
                "rank",
                "Place among the coins of the list that are not left out, 1 is the largest",
                "raw.narrative_members.rank",
            ),
            usd("market_cap_usd", "Market cap in the list", "raw.narrative_members.market_cap_usd"),
            flag(
                "is_full_page",
                "Whether the list holds all that the service listed; null in rows of older versions",
                nullable=True,
            ),
        ),
        as_of="ts",
    ),
)
