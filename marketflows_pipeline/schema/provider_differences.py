"""The check of market caps against a second provider: its figures, all comparisons, and those that differ."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from marketflows_pipeline.schema.columns import FETCHED, OBSERVED, moment, pct, text, usd
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="market_caps", may_be_empty=True)

_CHECKED = "raw.cross_check_caps"
_COIN = text("coin_id", "Coin id of the provider that market caps come from")
_PROVIDER = text("provider", "The other provider, as in market_caps.cross_check")
_OTHER_ID = text("other_id", "The other provider's id of the coin")
_RULE = text(
    "mapping_rule",
    "settings (market_caps.cross_check_ids), or symbol and name: both unique and the same, and when they were first "
    "compared prices at most 2 % and market caps at most 20 % apart",
)

CORE_PROVIDER_COMPARISON = _table(
    name="core.provider_comparison",
    grain="one coin at one check",
    key=("coin_id", "provider", "ts"),
    description=(
        "Market caps of both providers side by side: the other one's, and the own observation nearest to it, at most "
        "two hours away. Coins without a figure on either side are missing. Of the last 400 days."
    ),
    columns=(
        _COIN,
        _OTHER_ID,
        moment("ts", "When the other provider was asked", f"{_CHECKED}.observed_at"),
        usd("cap_usd", "Own market cap", "raw.market_caps.market_cap_usd", nullable=False),
        usd("other_cap_usd", "The other provider's", f"{_CHECKED}.market_cap_usd", nullable=False),
        pct(
            "difference_pct",
            "How far the other provider's market cap is above the own one, of the own one",
            "raw.market_caps.market_cap_usd",
            f"{_CHECKED}.market_cap_usd",
            nullable=False,
        ),
        pct(
            "price_difference_pct",
            "The same of the prices; near 0 the supplies differ, else the ids may stand for two coins",
            "raw.market_caps.price_usd",
            f"{_CHECKED}.price_usd",
        ),
        replace(_RULE, derived_from=(f"{_CHECKED}.mapping_rule",)),
        moment("cap_as_of", "As-of of the own market cap", "raw.market_caps.ts"),
        moment("other_cap_as_of", "As-of of the other one", f"{_CHECKED}.ts"),
        _PROVIDER,
        text("source", "Answer that the own market cap is from", "raw.market_caps.source"),
        text("other_source", "Answer that the other is from", f"{_CHECKED}.source"),
    ),
    as_of="ts",
)

PROVIDER_DIFFERENCE_TABLES: tuple[Table, ...] = (
    _table(
        name=_CHECKED,
        grain="one coin of the other provider at one check",
        key=("coin_id", "provider", "observed_at"),
        description=(
            "Market caps of a second provider, of coins that are followed and whose id there is known, once a UTC day "
            "where market_caps.cross_check names one. They are compared, and no other figure is made from them."
        ),
        columns=(
            _COIN,
            _PROVIDER,
            OBSERVED,
            _OTHER_ID,
            _RULE,
            moment("ts", "When the other provider last updated the figures", nullable=True),
            usd("market_cap_usd", "Market cap there; null where it gives none"),
            usd("price_usd", "Price of one coin there"),
            text("source", "Which answer brought it, such as coinpaprika:tickers"),
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
    ),
    CORE_PROVIDER_COMPARISON,
    _table(
        name="mart.provider_differences",
        grain="one coin at one check in which its market caps differ by more than 10 %",
        key=("coin_id", "provider", "ts"),
        description=(
            "Coins whose market caps at two providers differ by more than 10 % of the own one. Providers count "
            "supplies by their own rules, so a difference is no fault of either by itself. Empty without "
            "market_caps.cross_check."
        ),
        columns=tuple(
            replace(column, derived_from=(f"core.provider_comparison.{column.name}",))
            for column in CORE_PROVIDER_COMPARISON.columns
        ),
        as_of="ts",
    ),
)
