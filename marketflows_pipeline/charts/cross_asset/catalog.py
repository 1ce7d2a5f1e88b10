"""Which charts the cross-asset part has: flows, who gained, price beside flow, regimes, correlations, models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.context_spec import FlowComparisonSpec, FundGroupsSpec
from marketflows_pipeline.charts.cross_asset.spec import (
    ISSUANCE,
    AllMapsSpec,
    AllRankingsSpec,
    CorrelationsSpec,
    CumulativeFlowsSpec,
    EffectsSpec,
    FlowMapSpec,
    FlowRankingSpec,
    ModelSpec,
    PriceFlowSpec,
    RegimesSpec,
    is_fund,
    last_sessions,
    shown_symbols,
)
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.theme import series_styles

BY_TRADE_SESSION = "flows on the session of the orders, where counts of shares are known to follow later"
_MODEL_ID = re.compile(r"(?P<target>direction|rank)_(?P<horizon>\d+)_(?P<kind>logistic|gradient_boosting)_.+")


@dataclass(frozen=True)
class CrossAssetChartContext:
    """What the charts of a run share. Which session the figures are from stands in the tables.

    Attributes:
        assets: symbol and display name in the order of the settings.
        windows: windows of rankings and flow map, in sessions, as is that of the correlations.
        benchmark: symbol of the asset under the regimes.
        planted_auc: of made-up data, the AUC planted in it, by (horizon, target).
        reference: id and name of each reference series among the correlations.
        notes: caveats for every footer, such as that the data are synthetic.
        prices: credit of what is made of prices alone; the others of what is made of shares or VIX too.
    """

    assets: tuple[tuple[str, str], ...]
    windows: tuple[int, ...]
    correlation_window: int
    benchmark: str
    planted_auc: Mapping[tuple[int, str], float] = field(default_factory=dict)
    reference: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    prices: str = "Prices from Yahoo"
    flows: str = "Prices from Yahoo, shares outstanding from State Street, BlackRock and SPDR Gold"
    volatility: str = "Prices from Yahoo, VIX from Cboe or FRED"

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order of the settings."""
        return tuple(symbol for symbol, _ in self.assets)

    @property
    def of_flows(self) -> dict[str, Any]:
        """Fields of the specification of a chart of flows."""
        return {"source": self.flows, "notes": self.notes}

    @property
    def styles(self) -> tuple[SeriesStyle, ...]:
        """Style of each asset, by its place in the settings, so that it keeps its colour."""
        return series_styles([(symbol, symbol) for symbol in self.symbols])


def cross_asset_charts(
    *,
    flows: pl.DataFrame,
    trades: pl.DataFrame,
    rankings: pl.DataFrame,
    flow_map: pl.DataFrame,
    regimes: pl.DataFrame,
    correlations: pl.DataFrame,
    evaluation: pl.DataFrame,
    context: CrossAssetChartContext,
    groups: pl.DataFrame | None = None,
    comparison: pl.DataFrame | None = None,
) -> list[RenderJob]:
    """Every chart of the part, in a stable order; those with nothing to show say so themselves.

    Args:
        flows: rows of ``core.asset_flows``.
        trades: the same by trade session, up to the last one that is known, as `trade_sessions.trade_flows` gives them.
        rankings: rows of ``mart.flow_rankings``.
        flow_map: rows of ``mart.flow_map``; those that count issuance are not drawn.
        regimes: rows of ``mart.regimes``.
        correlations: rows of ``mart.correlations``.
        evaluation: rows of ``mart.model_evaluation``; of each horizon and target the newest model is drawn.
        context: what all charts share.
        groups: sums of groups of funds as `fund_groups.group_sums` gives them; without any there is no such chart.
        comparison: rows of ``mart.flow_comparison``; likewise.
    """
    is_lagged = (flows["share_lag_sessions"] > 0).any()
    shown = replace(context, notes=(BY_TRADE_SESSION, *context.notes)) if is_lagged else context
    benchmark, name = context.benchmark, dict(context.assets).get(context.benchmark, context.benchmark)
    sums = CumulativeFlowsSpec(assets=context.styles, **shown.of_flows)
    traded = flows.join(trades.select(pl.col("session").unique()), on="session", how="semi")
    of_effects = _with_whole_gaps(last_sessions(traded, EffectsSpec.sessions), EffectsSpec.sessions)
    ribbon = RegimesSpec(benchmark=benchmark, name=name, source=context.volatility, notes=context.notes)
    closes = flows.filter(symbol=benchmark).select("session", "close_usd")
    of_window = correlations.filter(window_sessions=context.correlation_window)
    latest = of_window.filter(pl.col("session") == pl.col("session").max())
    return [
        chart_job(_with_whole_gaps(last_sessions(trades, sums.sessions + 1), sums.sessions), sums),
        *_window_jobs(rankings, flow_map, shown),
        chart_job(of_effects, EffectsSpec(assets=context.assets, **context.of_flows)),
        chart_job(regimes.join(closes, on="session", how="left").sort("session").tail(ribbon.sessions), ribbon),
        chart_job(latest.sort("symbol_a", "symbol_b"), _correlations_spec(context)),
        *_all_window_jobs(rankings, flow_map, shown),
        chart_job(of_effects, PriceFlowSpec(assets=context.assets, **context.of_flows)),
        *_context_jobs(groups, comparison, shown),
        *model_jobs(evaluation, context),
    ]


def model_jobs(evaluation: pl.DataFrame, context: CrossAssetChartContext) -> list[RenderJob]:
    """The chart of the newest model of each horizon and target, from rows of ``mart.model_evaluation``."""
    newest: dict[tuple[int, str], tuple[str, str]] = {}
    models = evaluation.select("trained_at", "model_id").unique().sort("trained_at", "model_id")
    for model_id in models.get_column("model_id"):
        found = _MODEL_ID.fullmatch(model_id)
        if found is not None:
            newest[int(found["horizon"]), found["target"]] = (model_id, found["kind"])
    return [
        chart_job(
            evaluation.filter(pl.col("model_id") == model_id).sort("variant", "metric", "scope"),
            ModelSpec(
                horizon=horizon,
                target=target,
                kind=kind,
                symbols=context.symbols,
                planted_auc=context.planted_auc.get((horizon, target)),
                **context.of_flows,
            ),
        )
        for (horizon, target), (model_id, kind) in sorted(newest.items())
    ]


def _correlations_spec(context: CrossAssetChartContext) -> CorrelationsSpec:
    """Reference series come after the assets, and have no flow."""
    others = ("of FRED's series: daily differences, of the dollar index log returns",) if context.reference else ()
    return CorrelationsSpec(
        assets=(*context.assets, *context.reference),
        window_sessions=context.correlation_window,
        source=f"{context.prices}, series from FRED" if context.reference else context.prices,
        notes=(*others, *context.notes),
    )


def _context_jobs(
    groups: pl.DataFrame | None, comparison: pl.DataFrame | None, context: CrossAssetChartContext
) -> list[RenderJob]:
    """Charts that most settings have nothing for are not spoken of there."""
    jobs = []
    if groups is not None and not groups.is_empty():
        jobs.append(chart_job(groups, FundGroupsSpec(**context.of_flows)))
    if comparison is not None and not comparison.is_empty():
        spec = FlowComparisonSpec(assets=context.assets, **context.of_flows)
        jobs.append(chart_job(comparison.sort("symbol", "lag_sessions"), spec))
    return jobs


def _window_jobs(rankings: pl.DataFrame, flow_map: pl.DataFrame, context: CrossAssetChartContext) -> list[RenderJob]:
    jobs = []
    for window in context.windows:
        of_window = pl.col("window_sessions") == window
        ranked = rankings.filter(of_window).sort("symbol")
        is_issuance = pl.col("flow_method") == ISSUANCE
        unknown = ranked.filter(~is_issuance, ~(is_fund() & pl.col("flow_usd").is_finite()).fill_null(value=False))
        pairs = flow_map.filter(of_window, ~pl.col("includes_issuance")).sort("from_symbol", "to_symbol")
        map_spec = FlowMapSpec(
            window_sessions=window,
            unknown=tuple(shown_symbols(unknown["symbol"], context.symbols)),
            issuance=tuple(shown_symbols(ranked.filter(is_issuance)["symbol"], context.symbols)),
            **context.of_flows,
        )
        jobs.append(chart_job(ranked, FlowRankingSpec(window_sessions=window, **context.of_flows)))
        jobs.append(chart_job(pairs, map_spec))
    return jobs


def _all_window_jobs(
    rankings: pl.DataFrame, flow_map: pl.DataFrame, context: CrossAssetChartContext
) -> list[RenderJob]:
    """All windows in one: of one window alone the pictures above say more."""
    windows = context.windows
    if len(windows) == 1:
        return []
    of_windows = pl.col("window_sessions").is_in(windows)
    pairs = flow_map.filter(of_windows, ~pl.col("includes_issuance"))
    shared = {"windows": windows, **context.of_flows}
    return [
        chart_job(rankings.filter(of_windows).sort("window_sessions", "symbol"), AllRankingsSpec(**shared)),
        chart_job(pairs.sort("window_sessions", "from_symbol", "to_symbol"), AllMapsSpec(**shared)),
    ]


def _with_whole_gaps(flows: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """The rows, by symbol and session, with what came over a gap on its later end where the window holds all of it.

    Adds ``sessions_known``: for how many sessions a row's flow stands.
    """
    is_inside = pl.col("session").rank("dense", descending=True) <= sessions
    is_whole = pl.col("gap_sessions") <= pl.col("is_inside").cum_sum().over("symbol")
    share, price = pl.col("gap_flow_usd"), pl.col("gap_price_effect_usd")
    over_gap = {
        "flow_usd": share,
        "share_effect_usd": share,
        "price_effect_usd": price,
        "market_cap_change_usd": price + share,
    }
    return (
        flows.sort("symbol", "session")
        .with_columns(is_inside=is_inside)
        .with_columns(is_whole=is_whole.fill_null(value=False) & pl.col("is_inside"))
        .with_columns(
            *(pl.coalesce(name, pl.when("is_whole").then(value)).alias(name) for name, value in over_gap.items()),
            flow_method=pl.when(pl.col("is_whole") & (pl.col("flow_method") == "price_only"))
            .then(pl.when(pl.col("shares").is_not_null()).then(pl.lit("shares")).otherwise(pl.lit("aum")))
            .otherwise("flow_method"),
            sessions_known=pl.when("is_whole")
            .then("gap_sessions")
            .otherwise(pl.col("flow_usd").is_not_null())
            .cast(pl.Int32),
        )
    )
