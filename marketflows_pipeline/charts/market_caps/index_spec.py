"""Specification of the chained index's charts. It must not import Altair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketflows_pipeline.charts.spec import MarketCapSpec


@dataclass(frozen=True, kw_only=True)
class IndexSpec(MarketCapSpec):
    """The chained index of a category in a base asset.

    Attributes:
        rule: how members and weights are set, in words.
        last_close: the last final close.
    """

    draw = "marketflows_pipeline.charts.market_caps.index_lines:index_chart"
    file_pattern = "{category}_index_by_{base_asset}.png"
    columns = ("series", "ts", "price_index", "is_backfilled", "is_provisional", "coverage_pct")

    rule: str
    last_close: datetime

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """With fewer than two closes there is no line."""
        return None if frame["ts"].n_unique() > 1 else "1 close, a line needs 2"
