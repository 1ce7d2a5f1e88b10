"""Specifications of the charts of the exchange part: everything about each except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle, Spec, any_known, too_short

LEAST_DAYS = 3
OTHER = "*"
# Whether a coin has a place on the scatter: a positive ratio (its axis is logarithmic) and a price change.
HAS_PLACE = (
    pl.col("volume_to_mcap_pct").is_finite()
    & (pl.col("volume_to_mcap_pct") > 0)
    & pl.col("price_change_24h_pct").is_finite()
)
_DAYS_OF_RESERVES = pl.col("day").filter(pl.col("reserves_usd").is_finite()).n_unique()
_PACKAGE = "marketflows_pipeline.charts.exchanges"


@dataclass(frozen=True)
class ReservesSpec(Spec):
    """Reserves of one exchange above its daily net flow, of so many days back from the last record.

    The slug is DefiLlama's.
    """

    draw = f"{_PACKAGE}.reserves:reserves_chart"
    file_pattern = "Exchanges_reserves_{slug}.png"
    needs = (
        (_DAYS_OF_RESERVES > 0, "its reserves are not known"),
        (_DAYS_OF_RESERVES > 1, "its reserves are known for 1 day, a time series needs 2"),
    )
    columns = (
        "day",
        "ts",
        "previous_day",
        "reserves_usd",
        "netflow_mid_usd",
        "own_token_share_pct",
        "coverage_pct",
    )

    slug: str
    name: str
    days: int = 90


@dataclass(frozen=True)
class AllReservesSpec(Spec):
    """Reserves of all tracked exchanges, of so many at most, over so many days back from the last record."""

    draw = f"{_PACKAGE}.reserves_multiples:reserves_multiples"
    file_pattern = "Exchanges_reserves_all.png"
    columns = ("slug", "name", "day", "ts", "previous_day", "reserves_usd", "netflow_mid_usd")
    is_essential = True

    days: int = 90
    most: int = 12

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without an exchange whose reserves are known for two days."""
        known = frame.filter(pl.col("reserves_usd").is_finite(), pl.col("reserves_usd") > 0)
        most = known.group_by("slug").agg(pl.col("day").n_unique())["day"].max()
        return None if isinstance(most, int) and most > 1 else "no exchange has reserves known for 2 days"


@dataclass(frozen=True)
class SharesSpec(Spec):
    """Market shares of one segment over time, stacked.

    Attributes:
        segment: ``centralised``, ``tracked`` or another of ``mart.exchange_shares``.
        series: the exchanges shown one by one, the largest first by their mean of some days; all others are one area.
        left_out: names of exchanges outside of the fixed set, the largest first.
    """

    draw = f"{_PACKAGE}.shares:shares_chart"
    file_pattern = "Exchanges_market_share_{segment}.png"
    columns = ("day", "ts", "exchange_key", "fixed_share_pct")

    segment: str
    series: tuple[SeriesStyle, ...]
    mean_days: int
    left_out: tuple[str, ...] = ()

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without three days of known shares."""
        return _too_few_days(frame.filter(pl.col("fixed_share_pct").is_finite()))


@dataclass(frozen=True)
class ConcentrationSpec(Spec):
    """Herfindahl-Hirschman index of one measure over time, a line a segment.

    Attributes:
        measure: ``spot_volume``, ``reserves`` or ``derivatives_volume``.
        thresholds: where moderate and high concentration begin.
        left_out: names of exchanges outside of the fixed set, the largest first.
    """

    draw = f"{_PACKAGE}.concentration:concentration_chart"
    file_pattern = "Exchanges_HHI_{measure}.png"
    is_essential = True
    columns = ("segment", "day", "ts", "fixed_hhi_index", "fixed_hhi_lower_bound", "fixed_hhi_upper_bound")

    measure: str
    series: tuple[SeriesStyle, ...]
    thresholds: tuple[float, float]
    left_out: tuple[str, ...] = ()

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without three days of a segment that is shown."""
        shown = pl.col("segment").is_in([style.series for style in self.series])
        return _too_few_days(frame.filter(shown, pl.col("fixed_hhi_index").is_finite()))


@dataclass(frozen=True)
class WhaleSpec(Spec):
    """Trading volume for a coin's size against its price change."""

    draw = f"{_PACKAGE}.whale_scatter:whale_scatter"
    file_pattern = "Exchanges_whale_signals.png"
    needs = (
        (pl.len() > 0, "no coin was observed"),
        (HAS_PLACE.any(), "no coin has both a volume and a price change"),
    )
    columns = (
        "symbol",
        "rank",
        "observed_at",
        "volume_to_mcap_pct",
        "price_change_24h_pct",
        "volume_24h_usd",
        "is_unusual",
        "signal_type",
    )


@dataclass(frozen=True)
class RankingSpec(Spec):
    """The largest exchanges by what they hold, in so many rows at most.

    The kind is ``cex`` or ``dex``. Unmeasured are the names of large exchanges that no figure is known of.
    """

    draw = f"{_PACKAGE}.tvl_ranking:ranking_chart"
    file_pattern = "Exchanges_TVL_ranking_{kind}.png"
    needs = (((pl.col("tvl_usd") > 0).any(), "no exchange has a figure of what it holds"),)
    columns = (
        "slug",
        "name",
        "rank",
        "observed_at",
        "tvl_usd",
        "clean_tvl_usd",
        "tvl_dominance_pct",
        "change_7d_pct",
    )

    kind: str
    rows: int = 20
    unmeasured: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeagueSpec(Spec):
    """Exchanges by net flow over a period of days, in so many rows at most."""

    draw = f"{_PACKAGE}.league:league_chart"
    file_pattern = "Exchanges_netflow_league.png"
    is_essential = True
    needs = ((any_known("netflow_mid_usd"), "no exchange has a known net flow"),)
    columns = (
        "exchange_key",
        "name",
        "is_tracked",
        "rank",
        "observed_at",
        "to_day",
        "days_known",
        "netflow_mid_usd",
        "netflow_pct_of_reserves",
        "defillama_inflow_usd",
        "signs_differ",
    )

    period_days: int = 7
    rows: int = 14


def _too_few_days(frame: pl.DataFrame) -> str | None:
    return too_short(frame.get_column("day").n_unique(), "day", "of history", LEAST_DAYS)
