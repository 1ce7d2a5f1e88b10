"""Specifications of the charts of the cross-asset part: everything about each except its figures.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from marketflows_pipeline.charts.spec import SeriesStyle, require_columns

# Only these are flows of investors; issuance of coins is none, and price_only means that no flow is known.
FUND_METHODS = ("shares", "aum")
ISSUANCE = "supply"
OUTSIDE = "(outside the universe)"
REGIMES = ("risk_on", "mixed", "risk_off")

LEAST_SESSIONS = 2


@dataclass(frozen=True)
class CumulativeFlowsSpec:
    """Net flows of funds, added up from the start of the window.

    Attributes:
        assets: style of each asset in the order of the settings; the series is the symbol.
        source: the credit.
        sessions: length of the window.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = (
        "symbol",
        "session",
        "flow_method",
        "flow_usd",
        "market_cap_usd",
        "market_cap_change_usd",
        "sessions_known",
    )

    assets: tuple[SeriesStyle, ...]
    source: str
    sessions: int = 252
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return "CrossAsset_cumulative_flows.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        known = known_fund_flows(last_sessions(frame, self.sessions))
        sessions = known.get_column("session").n_unique()
        if sessions < LEAST_SESSIONS:
            return _too_few(sessions, "with a known flow of a fund")
        has_size = (pl.col("market_cap_usd") - pl.col("market_cap_change_usd")).drop_nulls().first() > 0
        is_any = known.sort("session").group_by("symbol").agg(has_size=has_size)["has_size"].any()
        return None if is_any else "no fund with a known flow has a known market cap"


@dataclass(frozen=True)
class FlowRankingSpec:
    """Flows of one window, the largest inflow first.

    Attributes:
        window_sessions: length of the window.
        source: the credit.
        rows: assets shown at most.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = (
        "symbol",
        "name",
        "session",
        "flow_method",
        "flow_usd",
        "sessions_known",
        "flow_pct_of_market_cap",
    )

    window_sessions: int
    source: str
    rows: int = 24
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"CrossAsset_flow_ranking_{self.window_sessions}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        return None if frame.get_column("flow_usd").is_finite().any() else "no flow is known in this window"


@dataclass(frozen=True)
class FlowMapSpec:
    """Outflows attributed to inflows, from the rows to the columns.

    Attributes:
        window_sessions: length of the window.
        source: the credit.
        unknown: symbols whose flow is not known.
        issuance: symbols left out because what is known of them is issuance.
        most: assets shown as rows and as columns at most.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = ("from_symbol", "to_symbol", "session", "flow_usd")

    window_sessions: int
    source: str
    unknown: tuple[str, ...] = ()
    issuance: tuple[str, ...] = ()
    most: int = 12
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"CrossAsset_flow_map_{self.window_sessions}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        return None if (frame.get_column("flow_usd") > 0).any() else "no fund had a known inflow or outflow"


@dataclass(frozen=True)
class EffectsSpec:
    """Price effect beside share effect of each fund.

    Attributes:
        assets: symbol and name in the order of the settings.
        source: the credit.
        sessions: length of the window.
        rows: funds shown at most.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = (
        "symbol",
        "session",
        "flow_method",
        "price_effect_usd",
        "share_effect_usd",
        "market_cap_usd",
        "market_cap_change_usd",
        "sessions_known",
    )

    assets: tuple[tuple[str, str], ...]
    source: str
    sessions: int = 21
    rows: int = 16
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return "CrossAsset_price_vs_flow.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        known = last_sessions(frame, self.sessions).filter(
            is_fund(), pl.col("price_effect_usd").is_finite(), pl.col("share_effect_usd").is_finite()
        )
        return "no fund has a known price effect and share effect" if known.is_empty() else None


@dataclass(frozen=True)
class RegimesSpec:
    """Regimes over the benchmark's close and VIX.

    Attributes:
        benchmark: symbol of the benchmark.
        name: its display name.
        source: the credit.
        sessions: length of the window.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = ("session", "close_usd", "vix", "vix_percentile", "ratio_score", "regime")

    benchmark: str
    name: str
    source: str
    sessions: int = 756
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return "CrossAsset_regimes.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        for column, what in (("close_usd", f"of {self.benchmark}"), ("vix", "with VIX")):
            sessions = frame.filter(pl.col(column).is_finite()).height
            if sessions < LEAST_SESSIONS:
                return _too_few(sessions, what)
        return "no session has a regime yet" if frame.get_column("regime").count() == 0 else None


@dataclass(frozen=True)
class CorrelationsSpec:
    """Correlations of daily returns at the newest week's end.

    Attributes:
        assets: symbol and name in the order of the settings.
        window_sessions: length of the window.
        source: the credit.
        most: assets shown at most.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = ("symbol_a", "symbol_b", "session", "correlation")

    assets: tuple[tuple[str, str], ...]
    window_sessions: int
    source: str
    most: int = 20
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return "CrossAsset_correlations.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        latest = frame.filter(pl.col("session") == pl.col("session").max())
        return None if latest.get_column("correlation").is_finite().any() else "no correlation is known yet"


@dataclass(frozen=True)
class ModelSpec:
    """What one model was worth out of sample.

    Attributes:
        horizon: sessions ahead.
        target: ``direction`` or ``rank``.
        kind: ``logistic`` or ``gradient_boosting``.
        symbols: assets in the order of the settings.
        source: the credit.
        planted_auc: of made-up data, the AUC that was planted in it.
        most: assets shown at most.
        notes: caveats for the footer.
    """

    columns: ClassVar[tuple[str, ...]] = (
        "variant",
        "metric",
        "scope",
        "value",
        "lower_95",
        "upper_95",
        "n",
        "trained_at",
        "is_synthetic",
    )

    horizon: int
    target: str
    kind: str
    symbols: tuple[str, ...]
    source: str
    planted_auc: float | None = None
    most: int = 18
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return f"CrossAsset_model_{self.horizon}_{self.target}.png"

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show."""
        require_columns(frame, self.columns)
        known = frame.filter(pl.col("variant") == "with_flows", pl.col("value").is_finite())
        for metric, what in (("auc", "AUC"), ("reliability", "reliability table")):
            if known.filter(pl.col("metric") == metric).is_empty():
                return f"the model has no {what}"
        return None


CrossAssetSpec = (
    CumulativeFlowsSpec | FlowRankingSpec | FlowMapSpec | EffectsSpec | RegimesSpec | CorrelationsSpec | ModelSpec
)


def is_fund() -> pl.Expr:
    """Whether a row's flow is one of investors."""
    return pl.col("flow_method").is_in(FUND_METHODS)


def last_sessions(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows of the last sessions of the frame, whichever assets have them.

    Args:
        frame: with a ``session``.
        count: how many sessions.
    """
    newest = frame.select(pl.col("session").unique().sort(descending=True).head(count))
    return frame.join(newest, on="session", how="semi", maintain_order="left")


def known_fund_flows(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows whose flow is one of investors, and known."""
    return frame.filter(is_fund(), pl.col("flow_usd").is_finite())


def shown_symbols(present: Sequence[str], order: Sequence[str]) -> list[str]:
    """Symbols in the order of the settings; one that is no longer in them comes last."""
    place = {symbol: rank for rank, symbol in enumerate(order)}
    return sorted(present, key=lambda symbol: (place.get(symbol, len(place)), symbol))


def _too_few(sessions: int, what: str) -> str:
    return f"{sessions} {'session' if sessions == 1 else 'sessions'} {what}, a time series needs {LEAST_SESSIONS}"
