"""Specifications of the charts of attribution and migration: everything about each except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketflows_pipeline.charts.spec import RANGES, Spec

_PACKAGE = "marketflows_pipeline.charts.market_caps"


@dataclass(frozen=True, kw_only=True)
class AttributionSpec(Spec):
    """What moved each series of a category over some days: price, supply, membership.

    Attributes:
        category: ``Narratives``, ``Portfolios`` or ``Ranges``.
        labels: series and display name in their order.
        days: over how many daily closes.
        as_of: the newest close.
    """

    draw = f"{_PACKAGE}.attribution_bars:attribution_chart"
    file_pattern = "{category}_attribution_{days}d.png"
    is_essential = True
    columns = (
        "series",
        "market_cap_before_usd",
        "change_usd",
        "change_pct",
        "price_effect_usd",
        "supply_effect_usd",
        "large_supply_step_usd",
        "membership_usd",
        "rest_usd",
        "days_known",
    )

    category: str
    labels: tuple[tuple[str, str], ...]
    days: int
    as_of: datetime

    @property
    def is_by_size(self) -> bool:
        """Whether the series are ranges, which are shown from the largest down."""
        return self.category == RANGES

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without a series that had a member before and after, or where the days are not all known."""
        known = self.shown(frame)
        return "members are not known at two closes that far apart yet" if known.is_empty() else None

    def shown(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of labelled series with a market cap before, known on every day."""
        named = pl.col("series").is_in([series for series, _ in self.labels])
        return frame.filter(named, pl.col("market_cap_before_usd") > 0, pl.col("days_known") >= self.days)


@dataclass(frozen=True, kw_only=True)
class MigrationSpec(Spec):
    """What crossed from each range to each other between two closes.

    Attributes:
        ranges: series and label, the smallest first.
        days: between the closes.
        as_of: the later close.
    """

    draw = f"{_PACKAGE}.migration_matrix:migration_chart"
    file_pattern = "Ranges_migration_{days}d.png"
    columns = ("from_range", "to_range", "crossed_usd", "n_coins")

    ranges: tuple[tuple[str, str], ...]
    days: int
    as_of: datetime

    @property
    def is_essential(self) -> bool:
        """The longer of the spans that are drawn."""
        return self.days >= 30

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without a coin that crossed."""
        return "no coin is known to be in another range than before" if frame.is_empty() else None


@dataclass(frozen=True, kw_only=True)
class ChainSpec(Spec):
    """How much each range grew by coins that stay in it, beside its level.

    Attributes:
        ranges: series and label, the smallest first.
        days: between the closes.
        as_of: the later close.
    """

    draw = f"{_PACKAGE}.chain_bars:chain_chart"
    file_pattern = "Ranges_chain_{days}d.png"
    needs = ("chain_change_pct", "no range had members at two closes that far apart")
    columns = ("series", "chain_change_pct", "level_change_pct")

    ranges: tuple[tuple[str, str], ...]
    days: int
    as_of: datetime
