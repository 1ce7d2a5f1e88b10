"""The check of market caps against a second provider: its figures, all comparisons, and those that differ."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.model import Column, DType, Table

_CHECKED = "raw.cross_check_caps"
_COIN = Column("coin_id", DType.TEXT, "Coin id of the provider that market caps come from")
_PROVIDER = Column("provider", DType.TEXT, "The other provider, as in market_caps.cross_check")
_OTHER_ID = Column("other_id", DType.TEXT, "The other provider's id of the coin")
_RULE = Column(
    "mapping_rule",
    DType.TEXT,
    "settings (market_caps.cross_check_ids), or symbol and name: both unique and the same, and when they were first "
    "compared prices at most 2 % and market caps at most 20 % apart",
)

RAW_CROSS_CHECK_CAPS = Table(
    name=_CHECKED,
    part="market_caps",
    grain="one coin of the other provider at one check",
    key=("coin_id", "provider", "observed_at"),
    description=(
        "Market caps of a second provider, of coins that are followed and whose id there is known, once a UTC day "
        "where market_caps.cross_check names one. They are compared, and no other figure is made from them."
    ),
    columns=(
        _COIN,
        _PROVIDER,
        Column("observed_at", DType.TIME, "When the service was asked", "UTC"),
        _OTHER_ID,
        _RULE,
        Column("ts", DType.TIME, "When the other provider last updated the figures", "UTC", nullable=True),
        Column("market_cap_usd", DType.FLOAT, "Market cap there; null where it gives none", "USD", nullable=True),
        Column("price_usd", DType.FLOAT, "Price of one coin there", "USD", nullable=True),
        Column("source", DType.TEXT, "Which answer brought it, such as coinpaprika:tickers"),
        Column("fetched_at", DType.TIME, "When it was fetched", "UTC"),
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

CORE_PROVIDER_COMPARISON = Table(
    name="core.provider_comparison",
    part="market_caps",
    grain="one coin at one check",
    key=("coin_id", "provider", "ts"),
    description=(
        "Market caps of both providers side by side: the other one's, and the own observation nearest to it, at most "
        "two hours away. Coins without a figure on either side are missing. Of the last 400 days."
    ),
    columns=(
        _COIN,
        _OTHER_ID,
        Column("ts", DType.TIME, "When the other provider was asked", "UTC", derived_from=(f"{_CHECKED}.observed_at",)),
        Column("cap_usd", DType.FLOAT, "Own market cap", "USD", derived_from=("raw.market_caps.market_cap_usd",)),
        Column(
            "other_cap_usd", DType.FLOAT, "The other provider's", "USD", derived_from=(f"{_CHECKED}.market_cap_usd",)
        ),
        Column(
            "difference_pct",
            DType.FLOAT,
            "How far the other provider's market cap is above the own one, of the own one",
            "%",
            derived_from=("raw.market_caps.market_cap_usd", f"{_CHECKED}.market_cap_usd"),
        ),
        Column(
            "price_difference_pct",
            DType.FLOAT,
            "The same of the prices; near 0 the supplies differ, else the ids may stand for two coins",
            "%",
            nullable=True,
            derived_from=("raw.market_caps.price_usd", f"{_CHECKED}.price_usd"),
        ),
        replace(_RULE, derived_from=(f"{_CHECKED}.mapping_rule",)),
        Column("cap_as_of", DType.TIME, "As-of of the own market cap", "UTC", derived_from=("raw.market_caps.ts",)),
        Column("other_cap_as_of", DType.TIME, "As-of of the other one", "UTC", derived_from=(f"{_CHECKED}.ts",)),
        _PROVIDER,
        Column(
            "source", DType.TEXT, "Answer that the own market cap is from", derived_from=("raw.market_caps.source",)
        ),
        Column("other_source", DType.TEXT, "Answer that the other is from", derived_from=(f"{_CHECKED}.source",)),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_PROVIDER_DIFFERENCES = Table(
    name="mart.provider_differences",
    part="market_caps",
    grain="one coin at one check in which its market caps differ by more than 10 %",
    key=("coin_id", "provider", "ts"),
    description=(
        "Coins whose market caps at two providers differ by more than 10 % of the own one. Providers count supplies by "
        "their own rules, so a difference is no fault of either by itself. Empty without market_caps.cross_check."
    ),
    columns=tuple(
        replace(column, derived_from=(f"core.provider_comparison.{column.name}",))
        for column in CORE_PROVIDER_COMPARISON.columns
    ),
    as_of="ts",
    may_be_empty=True,
)

PROVIDER_DIFFERENCE_TABLES = (RAW_CROSS_CHECK_CAPS, CORE_PROVIDER_COMPARISON, MART_PROVIDER_DIFFERENCES)
