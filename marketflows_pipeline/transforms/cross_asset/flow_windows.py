"""Sum flows over every window of a length, of assets, classes and all funds, and compare the newest with the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.ordering import within
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.sums import known_sum
from marketflows_pipeline.transforms.unusualness import against_past

GROUP, CLASS, ASSET = "group", "class", "asset"
FUNDS, COINS = "funds", "coins"
WINDOWS = (1, 5, 21)
WEEK = 5

UNIT = ("level", "kind", "name")
_FIGURES = ("flow_usd", "assets_before_usd")
# Stands for the sign of a flow that is not known.
_UNKNOWN = 9.0


def unit_name(unit: Mapping[str, Any]) -> str:
    """What a unit is called: SPY, equity, all funds, crypto (coins)."""
    if unit["level"] == GROUP:
        return f"all {unit['kind']}"
    is_coins = unit["kind"] == COINS and unit["level"] != ASSET
    return f"{unit['name']} (coins)" if is_coins else str(unit["name"])


def flow_windows(flows: pl.DataFrame, windows: Iterable[int] = WINDOWS) -> pl.DataFrame:
    """Flows of each window of w trade sessions, in USD and in percent of the assets before it.

    With F the flow of a session and A the market cap at the session before the window::

        flow[t] = F[t-w+1] + ... + F[t]     flow_pct = 100 flow / A[t-w]

    An asset's window is known where the flow of every one of its own sessions is, or is part of a gap's that lies
    inside as a whole. A class or group sums the assets of which window and assets before are both known, so that its
    percent is of the same assets; ``n_known`` of ``n_assets`` says how many those are. Funds and coins are never
    added: a fund's flow is investors' money, a coin's is issuance.

    Args:
        flows: as `trade_flows` returns them.
        windows: lengths in sessions, from 1.

    Returns:
        level (asset, class or group), kind (funds or coins), name, asset_class (null of groups), window_sessions,
        session, flow_usd, assets_before_usd, flow_pct, n_known, n_assets by unit, window and session.
    """
    sessions = _sessions(flows)
    assets = pl.concat([_of_length(sessions, length) for length in windows])
    name_of = {ASSET: pl.col("symbol"), CLASS: pl.col("asset_class"), GROUP: pl.lit("all")}
    units = pl.concat([_summed(assets, level, name) for level, name in name_of.items()])
    return (
        units.with_columns(flow_pct=percent_of(pl.col("flow_usd"), pl.col("assets_before_usd")))
        .sort(*UNIT, "window_sessions", "session")
        .collect()
    )


def newest_windows(windows: pl.DataFrame) -> pl.DataFrame:
    """The window of each unit and length that ends with the newest session, among all past ones of that length.

    Z-score and percentile are of ``flow_pct`` (see `against_past`): dollars of a fund that has grown tenfold would not
    compare. Neighbouring windows overlap.

    Args:
        windows: as `flow_windows` returns them.

    Returns:
        The columns of `windows` with zscore, percentile_pct, n_past: every unit in every length, null where not known.
    """
    newest = windows["session"].max()
    key = [*UNIT, "asset_class", "window_sessions"]
    is_newest = pl.col("session") == newest
    present = (
        windows.select(key)
        .unique(maintain_order=True)
        .join(windows.filter(is_newest), on=key, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.col("session").fill_null(newest), pl.col("n_known", "n_assets").fill_null(0))
    )
    return against_past(present, windows.filter(~is_newest), (*UNIT, "window_sessions"), "flow_pct")


def streaks(windows: pl.DataFrame) -> pl.DataFrame:
    """For how many sessions, up to the newest one, flows of a unit have had one sign.

    A session whose flow is not known or 0 ends a streak, and there is none while the newest one is such.

    Args:
        windows: as `flow_windows` returns them, windows of one session among them.

    Returns:
        level, kind, name, streak_sessions (0 without a streak), streak_direction (in or out), streak_since (its first
        session), streak_is_seen_to_begin (false where the flow of the session before is not known), one row a
        unit.
    """
    sign = pl.col("flow_usd").sign().fill_null(_UNKNOWN)
    newest = windows["session"].max()
    return (
        windows.lazy()
        .filter(pl.col("window_sessions") == 1)
        .sort(*UNIT, "session")
        .with_columns(sign=sign, run=sign.rle_id().over(UNIT))
        .group_by(*UNIT, "run", maintain_order=True)
        .agg(pl.col("sign").first(), n=pl.len(), since=pl.col("session").first(), until=pl.col("session").last())
        .with_columns(before=pl.col("sign").shift(1, fill_value=_UNKNOWN).over(UNIT))
        .group_by(UNIT, maintain_order=True)
        .agg(pl.all().last())
        .with_columns(has_one=(pl.col("sign").abs() == 1) & (pl.col("until") == newest))
        .select(
            *UNIT,
            streak_sessions=pl.when("has_one").then("n").otherwise(0).cast(pl.Int32),
            streak_direction=pl.when("has_one").then(first_that_holds((pl.col("sign") > 0, "in"), otherwise="out")),
            streak_since=pl.when("has_one").then("since"),
            streak_is_seen_to_begin=pl.when("has_one").then(pl.col("before") != _UNKNOWN),
        )
        .collect()
    )


def largest_shocks(windows: pl.DataFrame) -> pl.DataFrame:
    """The most unusual session of each class lately: that of the asset furthest from its own past.

    Each of the last five sessions of each asset is compared with all of the asset's sessions before it, by z-score of
    ``flow_pct``. Of equal ones the newest counts, then the first by name.

    Args:
        windows: as `flow_windows` returns them, windows of one session among them.

    Returns:
        kind, asset_class, name, session, flow_usd, flow_pct, zscore, percentile_pct, n_past, one row a class that has
        a shock.
    """
    daily = windows.filter(pl.col("level") == ASSET, pl.col("window_sessions") == 1)
    lately = daily["session"].unique().sort(descending=True).head(WEEK)
    present = daily.filter(pl.col("session").is_in(lately.implode())).with_columns(at="session")
    past = daily.select("kind", "name", "session", "flow_pct").join(
        present.select("kind", "name", "at"), on=["kind", "name"], maintain_order="left"
    )
    found = against_past(present, past.filter(pl.col("session") < pl.col("at")), ("kind", "name", "at"), "flow_pct")
    return (
        found.drop_nulls("zscore")
        .sort(
            "kind",
            "asset_class",
            pl.col("zscore").abs(),
            "session",
            "name",
            descending=[False, False, True, True, False],
        )
        .unique(["kind", "asset_class"], keep="first", maintain_order=True)
        .select("kind", "asset_class", "name", "session", "flow_usd", "flow_pct", "zscore", "percentile_pct", "n_past")
    )


def units_of(windows: pl.DataFrame) -> list[dict[str, str]]:
    """``level, kind, name`` of every unit: classes first, then assets and groups, those of funds before coins.

    Args:
        windows: as `flow_windows` returns them.
    """
    place = pl.col("level").replace_strict({CLASS: 0, ASSET: 1, GROUP: 2}, return_dtype=pl.Int8)
    return windows.select(UNIT).unique().sort(place, pl.col("kind") != FUNDS, "name").to_dicts()


def daily_flows(windows: pl.DataFrame, unit: Mapping[str, str]) -> pl.DataFrame:
    """The windows of one session of one unit, by session."""
    return windows.filter(window_sessions=1, **unit)


def _sessions(flows: pl.DataFrame) -> pl.LazyFrame:
    """Each asset's sessions with what is known of them, and which spans of a known flow they begin, end or lie in."""
    is_coin = (pl.col("flow_method") == "supply").any().over("symbol")
    known = pl.coalesce("flow_usd", "gap_flow_usd")
    span = pl.when(pl.col("flow_usd").is_not_null()).then(1).otherwise(pl.col("gap_sessions")).cast(pl.Int64)
    end = pl.when("is_known").then("place").backward_fill().over("symbol")
    start = end - pl.when("is_known").then("span").backward_fill().over("symbol") + 1
    return (
        flows.lazy()
        .sort("symbol", "session")
        .select(
            "symbol",
            "asset_class",
            "session",
            "market_cap_usd",
            kind=first_that_holds((is_coin, COINS), otherwise=FUNDS),
            value=known,
            span=span,
            is_known=known.is_not_null(),
            place=pl.int_range(pl.len()).over("symbol"),
        )
        .with_columns(start=start)
        .with_columns(
            begins=(pl.col("place") == pl.col("start")).fill_null(value=False),
            is_covered=(pl.col("place") >= pl.col("start")).fill_null(value=False),
        )
    )


def _of_length(sessions: pl.LazyFrame, length: int) -> pl.LazyFrame:
    """Every asset's windows of a length; rows stand by asset and session."""
    is_same = pl.col("symbol") == pl.col("symbol").shift(length - 1)
    is_covered = pl.all_horizontal(pl.col("is_covered").shift(back) for back in range(length))
    is_whole = is_same & pl.col("is_known") & is_covered & pl.col("begins").shift(length - 1)
    # Added up anew for each window: what a running sum gains and loses would keep windows of 0 from being 0.
    total = pl.sum_horizontal(pl.col("value").shift(back) for back in range(length))
    return sessions.select(
        "symbol",
        "asset_class",
        "kind",
        "session",
        window_sessions=pl.lit(length, pl.Int32),
        flow_usd=pl.when(is_whole).then(total),
        assets_before_usd=within("symbol", "market_cap_usd", length),
    )


def _summed(assets: pl.LazyFrame, level: str, name: pl.Expr) -> pl.LazyFrame:
    is_known = pl.all_horizontal(pl.col(_FIGURES).is_not_null())
    asset_class = pl.lit(None, pl.String) if level == GROUP else pl.col("asset_class")
    figures = _FIGURES if level != ASSET else ("assets_before_usd",)
    rows = assets.with_columns(
        *(pl.when(is_known).then(column).alias(column) for column in figures if level != ASSET),
        level=pl.lit(level),
        name=name,
        unit_class=asset_class,
        is_known=is_known,
    )
    return (
        rows.group_by("level", "kind", "name", "unit_class", "window_sessions", "session")
        .agg(
            *map(known_sum, _FIGURES),
            n_known=pl.col("is_known").sum().cast(pl.Int32),
            n_assets=pl.len().cast(pl.Int32),
        )
        .rename({"unit_class": "asset_class"})
    )
