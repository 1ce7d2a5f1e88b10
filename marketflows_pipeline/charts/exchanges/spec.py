"""Specifications of the charts of the exchange part: everything about each except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle, require_columns

# What each chart is drawn from and no more: a change of any other column must not redraw it.
CONCENTRATION_COLUMNS = (
    "segment",
    "day",
    "ts",
    "fixed_hhi_index",
    "fixed_hhi_lower_bound",
    "fixed_hhi_upper_bound",
)
WHALE_COLUMNS = (
    "symbol",
    "rank",
    "observed_at",
    "volume_to_mcap_pct",
    "price_change_24h_pct",
    "volume_24h_usd",
    "is_unusual",
    "signal_type",
)
RANKING_COLUMNS = (
    "slug",
    "name",
    "rank",
    "observed_at",
    "tvl_usd",
    "clean_tvl_usd",
    "tvl_dominance_pct",
    "change_7d_pct",
)

LEAST_DAYS = 3
# With what stands around it, well below the 255 bytes of a file name.
_FILE_PART_BYTES = 150
OTHER = "*"


@dataclass(frozen=True)
class ReservesSpec:
    """Reserves of one exchange above its daily net flow.

    Attributes:
        slug: DefiLlama slug of the exchange.
        name: its display name.
        source: the credit.
        days: length of the window, counted back from the last record.
        notes: caveats for the footer.
    """

    slug: str
    name: str
    source: str
    days: int = 90
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"Exchanges_reserves_{_file_part(self.slug)}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, ("day", "ts", "previous_day", "reserves_usd", "netflow_mid_usd"))
        known = frame.filter(pl.col("reserves_usd").is_finite()).get_column("day").n_unique()
        if known == 0:
            return "its reserves are not known"
        return None if known > 1 else "its reserves are known for 1 day, a time series needs 2"


@dataclass(frozen=True)
class SharesSpec:
    """Market shares of one segment over time, stacked.

    Attributes:
        segment: ``centralised``, ``tracked`` or another of ``mart.exchange_shares``.
        series: the exchanges shown one by one, the largest first; all others are one area.
        mean_days: over how many days the largest were picked.
        source: the credit.
        left_out: names of exchanges outside of the fixed set, the largest first.
        notes: caveats for the footer.
    """

    segment: str
    series: tuple[SeriesStyle, ...]
    mean_days: int
    source: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"Exchanges_market_share_{_file_part(self.segment)}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would say nothing, or None."""
        require_columns(frame, ("day", "ts", "exchange_key", "fixed_share_pct"))
        return _too_few_days(frame.filter(pl.col("fixed_share_pct").is_finite()))


@dataclass(frozen=True)
class ConcentrationSpec:
    """Herfindahl-Hirschman index of one measure over time, a line a segment.

    Attributes:
        measure: ``spot_volume``, ``reserves`` or ``derivatives_volume``.
        series: the segments in their order.
        thresholds: where moderate and high concentration begin.
        source: the credit.
        left_out: names of exchanges outside of the fixed set, the largest first.
        notes: caveats for the footer.
    """

    measure: str
    series: tuple[SeriesStyle, ...]
    thresholds: tuple[float, float]
    source: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"Exchanges_HHI_{_file_part(self.measure)}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would say nothing, or None."""
        require_columns(frame, CONCENTRATION_COLUMNS)
        shown = pl.col("segment").is_in([style.series for style in self.series])
        return _too_few_days(frame.filter(shown, pl.col("fixed_hhi_index").is_finite()))


@dataclass(frozen=True)
class WhaleSpec:
    """Trading volume for a coin's size against its price change.

    Attributes:
        source: the credit.
        notes: caveats for the footer.
    """

    source: str
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return "Exchanges_whale_signals.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, WHALE_COLUMNS)
        if frame.is_empty():
            return "no coin was observed"
        if drawable_coins(frame).is_empty():
            return "no coin has both a volume and a price change"
        return None


@dataclass(frozen=True)
class RankingSpec:
    """The largest exchanges by what they hold.

    Attributes:
        kind: ``cex`` or ``dex``.
        rows: how many are shown at most.
        unmeasured: names of large exchanges that no figure is known of, the largest first.
        source: the credit.
        notes: caveats for the footer.
    """

    kind: str
    source: str
    rows: int = 20
    unmeasured: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"Exchanges_TVL_ranking_{_file_part(self.kind)}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, RANKING_COLUMNS)
        if (frame.get_column("tvl_usd") > 0).any():
            return None
        return "no exchange has a figure of what it holds"


def drawable_coins(frame: pl.DataFrame) -> pl.DataFrame:
    """Coins that have a place on the scatter: a positive ratio (its axis is logarithmic) and a price change."""
    return frame.filter(
        pl.col("volume_to_mcap_pct").is_finite(),
        pl.col("volume_to_mcap_pct") > 0,
        pl.col("price_change_24h_pct").is_finite(),
    )


def _too_few_days(frame: pl.DataFrame) -> str | None:
    days = frame.get_column("day").n_unique()
    if days >= LEAST_DAYS:
        return None
    return f"{days} {'day' if days == 1 else 'days'} of history, a time series needs {LEAST_DAYS}"


def _file_part(key: str) -> str:
    """A key as part of a file name: whatever a slug may hold, no path can come of it, and no name that is too long."""
    part = re.sub(r"[^\w.-]+", "-", key)
    if len(part.encode()) <= _FILE_PART_BYTES:
        return part
    digest = hashlib.blake2b(part.encode(), digest_size=4).hexdigest()
    return f"{part.encode()[:_FILE_PART_BYTES].decode(errors='ignore')}-{digest}"
