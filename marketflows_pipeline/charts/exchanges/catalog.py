"""Which charts the exchange part has: reserves, market shares, concentration, whale signals, rankings, league."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.exchanges.spec import (
    AllReservesSpec,
    ConcentrationSpec,
    LeagueSpec,
    RankingSpec,
    ReservesSpec,
    SharesSpec,
    WhaleSpec,
)
from marketflows_pipeline.charts.exchanges.wording import MEASURES, SEGMENTS
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.theme import PALETTE, series_styles
from marketflows_pipeline.system.printable import presentable_name

_SHARE_SEGMENTS = ("centralised", "tracked")
_HHI_SEGMENTS = ("all", "centralised", "tracked")
_KINDS = ("cex", "dex")
_MEAN_DAYS = 30


@dataclass(frozen=True)
class ExchangeChartContext:
    """What the charts of a run share. When the figures are from stands in the tables.

    Attributes:
        hhi_thresholds: where moderate and high concentration begin.
        shares_top_n: exchanges that the shares show one by one, 1 to 11.
        notes: caveats for every footer, such as that the data are synthetic.
        coingecko: credit of what comes from there, as defillama is.
    """

    hhi_thresholds: tuple[float, float]
    shares_top_n: int = 8
    notes: tuple[str, ...] = ()
    coingecko: str = "Data provided by CoinGecko"
    defillama: str = "Data provided by DefiLlama"

    def __post_init__(self) -> None:
        if not 1 <= self.shares_top_n < len(PALETTE):
            raise ValueError(f"shares_top_n is {self.shares_top_n}; only 1 to {len(PALETTE) - 1} can be told apart")

    @property
    def of_coingecko(self) -> dict[str, Any]:
        """Fields of the specification of a chart of CoinGecko's figures."""
        return {"source": self.coingecko, "notes": self.notes}

    @property
    def of_defillama(self) -> dict[str, Any]:
        """The same of DefiLlama's."""
        return {"source": self.defillama, "notes": self.notes}


def exchange_charts(
    *,
    netflow: pl.DataFrame,
    shares: pl.DataFrame,
    members: pl.DataFrame,
    dominance: pl.DataFrame,
    whale_signals: pl.DataFrame,
    tvl: pl.DataFrame,
    coverage: pl.DataFrame,
    league: pl.DataFrame,
    context: ExchangeChartContext,
) -> list[RenderJob]:
    """Every chart of the part, in a stable order; those with nothing to show say so themselves.

    Args:
        netflow: rows of ``mart.exchange_netflow``.
        shares: rows of ``mart.exchange_shares``.
        members: rows of ``mart.exchange_members``.
        dominance: rows of ``mart.exchange_dominance``.
        whale_signals: rows of ``mart.whale_signals``.
        tvl: rows of ``mart.exchange_tvl``.
        coverage: rows of ``mart.exchange_coverage``.
        league: rows of ``mart.exchange_league``.
        context: what all charts share.
    """
    return [
        *_reserves_jobs(netflow, context),
        *_shares_jobs(shares, members, context),
        *(_concentration_job(measure, dominance, members, context) for measure in MEASURES),
        chart_job(_presentable(whale_signals.sort("rank"), "symbol"), WhaleSpec(**context.of_coingecko)),
        *(_ranking_job(kind, tvl, coverage, context) for kind in _KINDS),
        chart_job(
            _presentable(league.filter(period_days=LeagueSpec.period_days).sort("exchange_key"), "name"),
            LeagueSpec(**context.of_defillama),
        ),
    ]


def _presentable(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Names as they were stored may be of any length."""
    return frame.with_columns(pl.col(column).map_elements(presentable_name, return_dtype=pl.String))


def _reserves_jobs(netflow: pl.DataFrame, context: ExchangeChartContext) -> list[RenderJob]:
    jobs: dict[str, RenderJob] = {}
    for (slug,), part in netflow.sort("slug", "day").group_by("slug", maintain_order=True):
        name = presentable_name(part.item(-1, "name"))
        job = chart_job(part, ReservesSpec(str(slug), name, **context.of_defillama))
        # Slugs that differ by what no file name may hold share one chart, that of the first.
        jobs.setdefault(job.file_name, job)
    rows = _presentable(netflow.sort("slug", "day"), "name")
    together = chart_job(rows, AllReservesSpec(**context.of_defillama))
    return [*jobs.values(), *([together] if len(jobs) > 1 else [])]


def _shares_jobs(shares: pl.DataFrame, members: pl.DataFrame, context: ExchangeChartContext) -> list[RenderJob]:
    # Over time only: one that was not measured throughout would shrink the shares of all others on its first day.
    is_fixed = pl.col("fixed_share_pct").is_not_null()
    spot = shares.filter(is_fixed, measure="spot_volume").sort("segment", "day", "exchange_key")
    frames = {segment: spot.filter(segment=segment) for segment in _SHARE_SEGMENTS}
    styles = shared_styles([largest_exchanges(frame, context.shares_top_n) for frame in frames.values()])
    return [
        chart_job(
            frame,
            SharesSpec(
                segment=segment,
                series=style,
                mean_days=_MEAN_DAYS,
                left_out=_left_out(members, "spot_volume", [segment]),
                **context.of_coingecko,
            ),
        )
        for (segment, frame), style in zip(frames.items(), styles, strict=True)
    ]


def largest_exchanges(frame: pl.DataFrame, count: int) -> list[tuple[str, str]]:
    """Key and name of the largest exchanges by mean volume of the last 30 days; a day without a volume counts as none.

    The frame (day, exchange_key, name, value) is of one segment and measure.
    """
    recent = frame.filter(pl.col("day") > pl.col("day").max() - timedelta(days=_MEAN_DAYS))
    # All means are over the same days, so their order is that of the sums.
    by_volume = (
        recent.sort("day")
        .group_by("exchange_key")
        .agg(pl.col("name").last(), pl.col("value").sum())
        .sort("value", "exchange_key", descending=[True, False])
        .head(count)
    )
    return list(by_volume.select("exchange_key", "name").iter_rows())


def shared_styles(lists: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[SeriesStyle, ...]]:
    """Styles for several charts: an exchange has the same colour in all of them, and no chart has a colour twice.

    Args:
        lists: key and name of each chart's exchanges, at most as many as the palette has colours.
    """
    known: dict[str, str] = {}
    styled = []
    for exchanges in lists:
        chosen: dict[str, str] = {}
        # Those that have a colour choose first.
        for key, _ in sorted(exchanges, key=lambda exchange: exchange[0] not in known):
            free = [color for color in PALETTE if color not in chosen.values()]
            unused = [color for color in free if color not in known.values()]
            chosen[key] = known[key] if known.get(key) in free else (unused or free)[0]
        known = chosen | known
        styled.append(tuple(SeriesStyle(key, presentable_name(name), chosen[key]) for key, name in exchanges))
    return styled


def _left_out(members: pl.DataFrame, measure: str, segments: Sequence[str]) -> tuple[str, ...]:
    """Names of the exchanges outside of the fixed sets, the largest first, each once."""
    outside = members.filter(
        ~pl.col("is_member"), pl.col("measure") == measure, pl.col("segment").is_in(list(segments))
    ).sort("mean_share_pct", "exchange_key", descending=[True, False])
    return tuple(map(presentable_name, outside.unique("exchange_key", maintain_order=True)["name"]))


def _concentration_job(
    measure: str, dominance: pl.DataFrame, members: pl.DataFrame, context: ExchangeChartContext
) -> RenderJob:
    spec = ConcentrationSpec(
        measure=measure,
        series=series_styles([(segment, SEGMENTS[segment]) for segment in _HHI_SEGMENTS]),
        thresholds=context.hhi_thresholds,
        left_out=_left_out(members, measure, _HHI_SEGMENTS),
        **(context.of_coingecko if measure == "spot_volume" else context.of_defillama),
    )
    rows = dominance.filter(pl.col("segment").is_in(_HHI_SEGMENTS), measure=measure)
    return chart_job(rows.sort("segment", "day"), spec)


def _ranking_job(kind: str, tvl: pl.DataFrame, coverage: pl.DataFrame, context: ExchangeChartContext) -> RenderJob:
    absent = coverage.filter(kind == "cex", aspect="reserves").sort(
        "volume_24h_btc", "name", descending=[True, False], nulls_last=True
    )
    unmeasured = tuple(map(presentable_name, absent["name"].unique(maintain_order=True)))
    spec = RankingSpec(kind=kind, unmeasured=unmeasured, **context.of_defillama)
    return chart_job(_presentable(tvl.filter(kind=kind).sort("rank", "slug", nulls_last=True), "name"), spec)
