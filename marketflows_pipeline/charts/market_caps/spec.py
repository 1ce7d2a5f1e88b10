"""Specifications of the charts of the market-cap part beside `charts.spec`: everything about each except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.charts.spec import (
    RANGES,
    RANKS_FROM,
    WEEK_HOURS,
    ChartSpec,
    GainTableSpec,
    MarketCapSpec,
    SeriesStyle,
    Spec,
    any_known,
    too_short,
)

RANK_STEP, RANK_SPAN = timedelta(hours=WEEK_HOURS), timedelta(days=28)
RANKED_WEEKS, LEAST_WEEKS = 12, 3
_ORDERS = {0: "level", 1: "growth"}
LEAST_DAYS = 3
COHORT_SERIES = "cohort"
_PACKAGE = "marketflows_pipeline.charts.market_caps"


@dataclass(frozen=True, kw_only=True)
class PanelsSpec(Spec):
    """Level or growth of a category in every base, a panel each."""

    draw = f"{_PACKAGE}.line_panels:line_panels"
    columns = ("base_asset", "series", "ts", "value")
    is_essential = True

    panels: tuple[ChartSpec, ...]

    @property
    def file_name(self) -> str:
        """``{category}_level_panels.png``, ``{category}_growth_panels.png``."""
        return f"{self.panels[0].category}_{_ORDERS[self.panels[0].diff_order]}_panels.png"

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without any value in the first of the bases."""
        first = self.panels[0]
        return first.why_empty(frame.filter(base_asset=first.base_asset))


@dataclass(frozen=True, kw_only=True)
class GainMatrixSpec(GainTableSpec):
    """Percent gains of a category in every base, side by side.

    Attributes:
        bases: id and label of each, in the order of the columns; ``base_asset`` is the first of them, which orders the
            rows.
    """

    draw = f"{_PACKAGE}.gain_matrix:gain_matrix"
    file_pattern = "{category}_percent_gains_all_bases.png"
    columns = ("base_asset", "series", "hours_ago", "gain_pct", "reason", "basis")
    is_essential = True

    bases: tuple[tuple[str, str], ...]

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without any gain in the first of the bases."""
        return super().why_empty(frame.filter(base_asset=self.base_asset))


@dataclass(frozen=True, kw_only=True)
class RanksSpec(MarketCapSpec):
    """Rank of each series by its change over four weeks, week by week."""

    draw = f"{_PACKAGE}.rank_lines:rank_chart"
    columns = ("series", "ts", "value")
    is_essential = True

    @property
    def file_name(self) -> str:
        """``{category}_ranks.png``."""
        return f"{self.category}_ranks.png"

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without enough series, or with too short a history."""
        known = frame.filter(pl.col("value").is_finite())
        if known["series"].n_unique() < RANKS_FROM:
            return f"fewer than {RANKS_FROM} series have a value"
        first = known["ts"].min()
        assert isinstance(first, datetime)
        if self.as_of - first < RANK_SPAN + (LEAST_WEEKS - 1) * RANK_STEP:
            return f"less than {RANK_SPAN.days + 7 * (LEAST_WEEKS - 1)} days of history, from which ranks are taken"
        return None


@dataclass(frozen=True, kw_only=True)
class IndexSpec(MarketCapSpec):
    """The chained index of a category in a base asset.

    Attributes:
        rule: how members and weights are set, in words.
        last_close: the last final close.
    """

    draw = f"{_PACKAGE}.index_lines:index_chart"
    file_pattern = "{category}_index_by_{base_asset}.png"
    needs = ((pl.col("ts").n_unique() > 1, "1 close, a line needs 2"),)
    columns = ("series", "ts", "price_index", "is_backfilled", "is_provisional", "coverage_pct")

    rule: str
    last_close: datetime


@dataclass(frozen=True, kw_only=True)
class BreadthSpec(Spec):
    """Three measures of breadth over time, a row of small panels for each series of a category and for the cohort.

    Attributes:
        category: ``Narratives`` or ``Ranges``.
        series: the rows from the top, the cohort among them.
        days: length of the window.
    """

    draw = f"{_PACKAGE}.breadth_panel:breadth_panel"
    file_pattern = "MarketCaps_breadth_{category}.png"
    is_essential = True
    columns = ("series", "ts", "n", "is_backfilled", "above_ema_50_pct", "mcclellan", "beat_bitcoin_30d_pct")

    category: str
    series: tuple[SeriesStyle, ...]
    days: int = 180

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without a series of the category that has three days with enough coins."""
        of_category = [style.series for style in self.series if style.series != COHORT_SERIES]
        known = frame.filter(
            pl.col("series").is_in(of_category), pl.any_horizontal(pl.col(self.columns[4:]).is_finite())
        )
        if known.is_empty():
            return "no series has 8 coins with known prices"
        return too_short(known.get_column("ts").n_unique(), "day", "of breadth", LEAST_DAYS)


@dataclass(frozen=True, kw_only=True)
class MarketMapSpec(Spec):
    """Every coin in one narrative: areas by market cap, colours by change of price.

    Attributes:
        parts: series and label of each narrative, in any order; of a part without a label the series is shown.
        rule: how a coin in several narratives is placed, in words.
    """

    draw = f"{_PACKAGE}.market_map:market_map_chart"
    file_pattern = "MarketCaps_market_map.png"
    needs = ((pl.col("series").n_unique() > 1, "all coins are in one part"),)
    columns = (
        "coin_id",
        "label",
        "series",
        "ts",
        "market_cap_usd",
        "price_change_7d_pct",
        "series_usd",
        "series_share_pct",
        "series_price_change_7d_pct",
        "is_backfilled",
    )

    parts: tuple[tuple[str, str], ...]
    rule: str


@dataclass(frozen=True, kw_only=True)
class DominanceSpec(Spec):
    """Shares of bitcoin, ether, stablecoins and all others over time.

    Attributes:
        series: columns of ``mart.dominance`` and how each is drawn.
        days: length of the window.
    """

    draw = f"{_PACKAGE}.dominance_lines:dominance_chart"
    file_pattern = "MarketCaps_dominance.png"
    columns = ("ts", "n", "is_backfilled", "bitcoin_pct", "ethereum_pct", "stablecoins_pct", "others_pct")

    series: tuple[SeriesStyle, ...]
    days: int = 365

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without three days of a known total."""
        return too_short(int(frame["bitcoin_pct"].is_finite().sum()), "day", "with a known total", LEAST_DAYS)


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
        return "members are not known at two closes that far apart yet" if self.shown(frame).is_empty() else None

    def shown(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of labelled series with a market cap before, known on every day."""
        named = pl.col("series").is_in([series for series, _ in self.labels])
        return frame.filter(named, pl.col("market_cap_before_usd") > 0, pl.col("days_known") >= self.days)


@dataclass(frozen=True, kw_only=True)
class TwoClosesSpec(Spec):
    """What charts of the ranges between two closes have in common.

    Attributes:
        ranges: series and label, the smallest first.
        days: between the closes.
        as_of: the later close.
    """

    ranges: tuple[tuple[str, str], ...]
    days: int
    as_of: datetime


@dataclass(frozen=True, kw_only=True)
class MigrationSpec(TwoClosesSpec):
    """What crossed from each range to each other between two closes."""

    draw = f"{_PACKAGE}.migration_matrix:migration_chart"
    file_pattern = "Ranges_migration_{days}d.png"
    needs = ((pl.len() > 0, "no coin is known to be in another range than before"),)
    columns = ("from_range", "to_range", "crossed_usd", "n_coins")

    @property
    def is_essential(self) -> bool:
        """The longer of the spans that are drawn."""
        return self.days >= 30


@dataclass(frozen=True, kw_only=True)
class ChainSpec(TwoClosesSpec):
    """How much each range grew by coins that stay in it, beside its level."""

    draw = f"{_PACKAGE}.chain_bars:chain_chart"
    file_pattern = "Ranges_chain_{days}d.png"
    needs = ((any_known("chain_change_pct"), "no range had members at two closes that far apart"),)
    columns = ("series", "chain_change_pct", "level_change_pct")
