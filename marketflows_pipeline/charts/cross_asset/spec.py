"""Specifications of the charts of the cross-asset part: everything about each except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle, Spec, any_known, too_short

# Only these are flows of investors; issuance of coins is none, and price_only means that no flow is known.
FUND_METHODS = ("shares", "aum")
ISSUANCE = "supply"
OUTSIDE = "(outside the universe)"
REGIMES = ("risk_on", "mixed", "risk_off")

LEAST_SESSIONS = 2
_EFFECTS = ("price_effect_usd", "share_effect_usd")
_PACKAGE = "marketflows_pipeline.charts.cross_asset"
_NEEDS_A_PAIR = (((pl.col("flow_usd") > 0).any(), "no fund had a known inflow or outflow"),)


def is_fund() -> pl.Expr:
    """Whether a row's flow is one of investors."""
    return pl.col("flow_method").is_in(FUND_METHODS)


def is_known_of_fund(*columns: str) -> pl.Expr:
    """Whether a row's flow is one of investors, and all these figures of it are known."""
    return is_fund() & pl.all_horizontal(pl.col(columns).is_finite())


@dataclass(frozen=True)
class CumulativeFlowsSpec(Spec):
    """Net flows of funds, added up from the start of the window. The series of each style is a symbol."""

    draw = f"{_PACKAGE}.cumulative_flows:cumulative_flows_chart"
    file_pattern = "CrossAsset_cumulative_flows.png"
    columns = (
        "symbol",
        "session",
        "flow_method",
        "flow_usd",
        "market_cap_usd",
        "market_cap_change_usd",
        "sessions_known",
    )

    assets: tuple[SeriesStyle, ...]
    sessions: int = 252

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without two sessions of a known flow, or without a market cap to compare flows with."""
        known = last_sessions(frame, self.sessions).filter(is_known_of_fund("flow_usd"))
        sessions = known.get_column("session").n_unique()
        if short := too_short(sessions, "session", "with a known flow of a fund", LEAST_SESSIONS):
            return short
        has_size = (pl.col("market_cap_usd") - pl.col("market_cap_change_usd")).drop_nulls().first() > 0
        is_any = known.sort("session").group_by("symbol").agg(has_size=has_size)["has_size"].any()
        return None if is_any else "no fund with a known flow has a known market cap"


@dataclass(frozen=True)
class FlowRankingSpec(Spec):
    """Flows of one window, the largest inflow first, in so many rows at most."""

    draw = f"{_PACKAGE}.flow_ranking:flow_ranking_chart"
    file_pattern = "CrossAsset_flow_ranking_{window_sessions}.png"
    needs = ((any_known("flow_usd"), "no flow is known in this window"),)
    columns = (
        "symbol",
        "name",
        "session",
        "flow_method",
        "flow_usd",
        "sessions_known",
        "flow_pct_of_market_cap",
    )

    window_sessions: int
    rows: int = 24


@dataclass(frozen=True)
class FlowMapSpec(Spec):
    """Outflows attributed to inflows, from the rows to the columns, of so many assets each at most.

    The footer names the symbols whose flow is unknown, and those left out because only their issuance is known.
    """

    draw = f"{_PACKAGE}.flow_map:flow_map_chart"
    file_pattern = "CrossAsset_flow_map_{window_sessions}.png"
    needs = _NEEDS_A_PAIR
    columns = ("from_symbol", "to_symbol", "session", "flow_usd")

    window_sessions: int
    unknown: tuple[str, ...] = ()
    issuance: tuple[str, ...] = ()
    most: int = 12


@dataclass(frozen=True)
class AllRankingsSpec(Spec):
    """Flows of all windows side by side, in percent of each asset's market cap, in so many rows at most."""

    draw = f"{_PACKAGE}.all_windows:rankings_chart"
    file_pattern = "CrossAsset_flow_ranking_all.png"
    needs = ((is_known_of_fund("flow_pct_of_market_cap").any(), "no flow of a fund is known in any window"),)
    columns = ("window_sessions", *FlowRankingSpec.columns)
    is_essential = True

    windows: tuple[int, ...]
    rows: int = 20


@dataclass(frozen=True)
class AllMapsSpec(Spec):
    """Outflows attributed to inflows in every window, a small map each, of so many assets a side at most."""

    draw = f"{_PACKAGE}.all_windows:maps_chart"
    file_pattern = "CrossAsset_flow_map_all.png"
    needs = _NEEDS_A_PAIR
    columns = ("window_sessions", *FlowMapSpec.columns)
    is_essential = True

    windows: tuple[int, ...]
    most: int = 4


@dataclass(frozen=True)
class EffectsSpec(Spec):
    """Price effect beside share effect of each fund over the last sessions, in so many rows at most.

    The assets are pairs of symbol and name in the order of the settings.
    """

    draw = f"{_PACKAGE}.price_and_share_effects:effects_chart"
    file_pattern = "CrossAsset_price_vs_flow.png"
    needs = ((is_known_of_fund(*_EFFECTS).any(), "no fund has a known price effect and share effect"),)
    columns = (
        "symbol",
        "session",
        "flow_method",
        *_EFFECTS,
        "market_cap_usd",
        "market_cap_change_usd",
        "sessions_known",
    )

    sessions = 21

    assets: tuple[tuple[str, str], ...]
    rows: int = 16


@dataclass(frozen=True)
class PriceFlowSpec(EffectsSpec):
    """Price effect of each fund against its flow, both in percent of its market cap before."""

    draw = f"{_PACKAGE}.price_against_flow:price_against_flow_chart"
    file_pattern = "CrossAsset_price_against_flow.png"
    is_essential = True


@dataclass(frozen=True)
class RegimesSpec(Spec):
    """Regimes over the benchmark's close and VIX: the benchmark's symbol and its display name."""

    draw = f"{_PACKAGE}.regime_ribbon:regimes_chart"
    file_pattern = "CrossAsset_regimes.png"
    is_essential = True
    columns = ("session", "close_usd", "vix", "vix_percentile", "ratio_score", "regime")

    sessions = 756

    benchmark: str
    name: str

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without two sessions of each line, or without any regime."""
        for column, what in (("close_usd", f"of {self.benchmark}"), ("vix", "with VIX")):
            sessions = frame.filter(pl.col(column).is_finite()).height
            if short := too_short(sessions, "session", what, LEAST_SESSIONS):
                return short
        return "no session has a regime yet" if frame.get_column("regime").count() == 0 else None


@dataclass(frozen=True)
class CorrelationsSpec(Spec):
    """Correlations of daily returns at the newest week's end, of so many assets at most.

    The assets are pairs of symbol and name in the order of the settings.
    """

    draw = f"{_PACKAGE}.correlation_matrix:correlations_chart"
    file_pattern = "CrossAsset_correlations.png"
    is_essential = True
    needs = ((any_known("correlation"), "no correlation is known yet"),)
    columns = ("symbol_a", "symbol_b", "session", "correlation")

    assets: tuple[tuple[str, str], ...]
    window_sessions: int
    most: int = 20


@dataclass(frozen=True)
class ModelSpec(Spec):
    """What one model was worth out of sample, for so many of the assets of the settings at most.

    Attributes:
        horizon: sessions ahead.
        target: ``direction`` or ``rank``.
        kind: ``logistic`` or ``gradient_boosting``.
        planted_auc: of made-up data, the AUC that was planted in it.
    """

    draw = f"{_PACKAGE}.model_quality:model_chart"
    file_pattern = "CrossAsset_model_{horizon}_{target}.png"
    is_essential = True
    needs = tuple(
        (((pl.col("variant") == "with_flows") & (pl.col("metric") == metric) & pl.col("value").is_finite()).any(), why)
        for metric, why in (("auc", "the model has no AUC"), ("reliability", "the model has no reliability table"))
    )
    columns = ("variant", "metric", "scope", "value", "lower_95", "upper_95", "n", "trained_at", "is_synthetic")

    horizon: int
    target: str
    kind: str
    symbols: tuple[str, ...]
    planted_auc: float | None = None
    most: int = 18


def last_sessions(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows of the last so many sessions of the frame, whichever assets have them."""
    newest = frame.select(pl.col("session").unique().sort(descending=True).head(count))
    return frame.join(newest, on="session", how="semi", maintain_order="left")


def shown_symbols(present: Iterable[str], order: Sequence[str]) -> list[str]:
    """Symbols in the order of the settings; one that is no longer in them comes last."""
    place = {symbol: rank for rank, symbol in enumerate(order)}
    return sorted(present, key=lambda symbol: (place.get(symbol, len(place)), symbol))
