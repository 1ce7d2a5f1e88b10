"""Specifications of the charts of breadth, of the market map and of dominance: everything except their figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle, Spec, too_short

LEAST_DAYS = 3
COHORT_SERIES = "cohort"
_PACKAGE = "marketflows_pipeline.charts.market_caps"


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

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without a narrative: all coins would be in one part."""
        return None if frame.get_column("series").n_unique() > 1 else "all coins are in one part"


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
        known = frame.filter(pl.col("bitcoin_pct").is_finite())
        return too_short(known.height, "day", "with a known total", LEAST_DAYS)
