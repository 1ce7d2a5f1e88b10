"""Specifications of the pictures of a category that are fit to paste: all bases in one, and ranks over time.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.charts.spec import RANKS_FROM, WEEK_HOURS, ChartSpec, GainTableSpec, MarketCapSpec, Spec

RANK_STEP, RANK_SPAN = timedelta(hours=WEEK_HOURS), timedelta(days=28)
RANKED_WEEKS, LEAST_WEEKS = 12, 3
_ORDERS = {0: "level", 1: "growth"}
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
    columns = ("base_asset", "series", "hours_ago", "gain_pct", "reason", "basis")
    is_essential = True

    bases: tuple[tuple[str, str], ...]

    @property
    def file_name(self) -> str:
        """``{category}_percent_gains_all_bases.png``."""
        return f"{self.category}_percent_gains_all_bases.png"

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without any gain in the first of the bases."""
        in_first = frame.filter(base_asset=self.base_asset)
        return None if self.has_value(in_first, "gain_pct") else "no gain could be computed for any series"


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
