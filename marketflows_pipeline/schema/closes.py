"""Tables of daily closes, from which indices, breadth, attribution and migration are computed."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

_COIN = Column("coin_id", DType.TEXT, "Coin id of the market-cap provider")

CORE_DAILY_CLOSES = Table(
    name="core.daily_closes",
    part="market_caps",
    grain="one coin at one 00:00 UTC",
    key=("coin_id", "ts"),
    description=(
        "The last observation with a price at or before each 00:00 UTC, at most two days old, of all that is stored, "
        "whatever the window. Prices are as they were: a redenomination shows as a step."
    ),
    columns=(
        _COIN,
        Column("ts", DType.TIME, "Close at 00:00 UTC", "UTC", derived_from=("raw.market_caps.ts",)),
        Column(
            "market_cap_usd",
            DType.FLOAT,
            "Market cap of that observation",
            "USD",
            derived_from=("raw.market_caps.market_cap_usd",),
        ),
        Column(
            "price_usd", DType.FLOAT, "Price of that observation", "USD", derived_from=("raw.market_caps.price_usd",)
        ),
        Column("observed_at", DType.TIME, "When it was observed", "UTC", derived_from=("raw.market_caps.ts",)),
    ),
    as_of="ts",
    may_be_empty=True,
)

CORE_LISTED_MEMBERS = Table(
    name="core.listed_members",
    part="market_caps",
    grain="one coin of one narrative's list, as known at one 00:00 UTC",
    key=("ts", "series", "coin_id"),
    description=(
        "The last list of each narrative that was stored in the UTC day before each close, without the coins that "
        "exclude_categories dropped then. A day without a run has none."
    ),
    columns=(
        Column(
            "ts",
            DType.TIME,
            "The first 00:00 UTC at or after the observation",
            "UTC",
            derived_from=("raw.narrative_members.observed_at",),
        ),
        Column(
            "series", DType.TEXT, "Narrative slug of the settings", derived_from=("raw.narrative_members.narrative",)
        ),
        _COIN,
        Column(
            "rank",
            DType.INT,
            "Place among the coins of the list that are not left out, 1 is the largest",
            derived_from=("raw.narrative_members.rank",),
        ),
        Column(
            "market_cap_usd",
            DType.FLOAT,
            "Market cap in the list",
            "USD",
            nullable=True,
            derived_from=("raw.narrative_members.market_cap_usd",),
        ),
        Column(
            "is_full_page",
            DType.BOOL,
            "Whether the list holds all that the service listed; null in rows of older versions",
            nullable=True,
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

DAILY_CLOSE_TABLES: tuple[Table, ...] = (CORE_DAILY_CLOSES, CORE_LISTED_MEMBERS)
