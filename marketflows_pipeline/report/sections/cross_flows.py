"""Flows of assets, classes and all funds over the last sessions, compared with their own past."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.wording import percent_of_cap_text
from marketflows_pipeline.charts.style.wording import day_text, usd_text, value_text
from marketflows_pipeline.report.credits import BARS, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import UNUSUAL_Z, caption, rows
from marketflows_pipeline.transforms.cross_asset.flow_windows import (
    ASSET,
    CLASS,
    COINS,
    GROUP,
    UNIT,
    WEEK,
    WINDOWS,
    flow_windows,
    newest_windows,
    streaks,
)
from marketflows_pipeline.transforms.cross_asset.trade_sessions import FLOW_COLUMNS, trade_flows

FLOWS = "core.asset_flows"
CREATIONS = "creations are counted by the issuers, often a session after the orders"
# What the figures are made of; the windows, their z-scores and percentiles are those of `cross-asset brief`.
SQL = f"select {', '.join(FLOW_COLUMNS)} from core.asset_flows order by symbol, session"  # noqa: S608 (constants)
_FIGURES = ("flow_usd", "flow_pct", "zscore", "percentile_pct")
_LEVELS = {GROUP: 0, CLASS: 1, ASSET: 2}


def windows_of(file: PublishedFile) -> pl.DataFrame:
    """Flows of every unit over every window of 1, 5 and 21 trade sessions (see `flow_windows`)."""
    return flow_windows(trade_flows(rows(file, SQL)))


def brief_card(file: PublishedFile, windows: pl.DataFrame | None) -> Card | None:
    """Every unit's newest windows side by side; nothing where no flow is known.

    Args:
        file: the published file.
        windows: as `windows_of` returns them; None where the file has no flows.
    """
    if windows is None:
        return None
    newest = newest_windows(windows)
    if newest["flow_usd"].drop_nulls().is_empty():
        return None
    session, title = newest["session"][0], brief_title(newest)
    return Card(
        key="cross-asset-flows",
        title=title,
        subtitle=(
            "Flows of the last 1, 5 and 21 trade sessions in million USD and in percent of the assets before; z-score "
            "and percentile of that percent among all earlier windows of the same length"
        ),
        caption=caption(
            market_credit(file, BARS, SHARES),
            session,
            "flow, not price: shares created less those redeemed, at their price",
            CREATIONS,
            "a class sums the assets that are known; funds and coins are never added: a fund's flow is investors' "
            "money, a coin's is issuance",
            "windows overlap, so that they tell less than as many separate ones",
        ),
        dataset=Dataset("cross_asset_flows", side_by_side(newest, streaks(windows))),
        columns=(
            FigureColumn("unit", "Flow of"),
            *(FigureColumn(f"flow_usd_{window}", f"{window} s (M USD)", 1, True, 1e6) for window in WINDOWS),
            *(FigureColumn(f"flow_pct_{window}", f"{window} s (%)", 2, signed=True) for window in WINDOWS),
            *(FigureColumn(f"zscore_{window}", f"z, {window} s", 1, signed=True) for window in WINDOWS[1:]),
            *(FigureColumn(f"percentile_pct_{window}", f"Percentile, {window} s", 1) for window in WINDOWS[1:]),
            FigureColumn("known", "Known"),
            FigureColumn("streak", "One way since"),
        ),
        sql=SQL,
        series_key="symbol",
        pictures=("CrossAsset_cumulative_flows.png",),
        width=6,
    )


def brief_title(newest: pl.DataFrame) -> str:
    """The asset and window furthest from its own past, or the largest flow in percent where nothing is compared."""
    assets = newest.filter(pl.col("level") == ASSET).drop_nulls("flow_pct")
    compared = assets.drop_nulls("zscore").sort(
        pl.col("zscore").abs(), "window_sessions", "name", descending=[True, True, False]
    )
    if compared.is_empty():
        known = newest.drop_nulls("flow_usd").sort(pl.col("flow_usd").abs(), descending=True, maintain_order=True)
        row = known.row(0, named=True)
        return f"{unit_name(row)} had the largest flow, {usd_text(row['flow_usd'], signed=True)} in {_span(row)}"
    row = compared.row(0, named=True)
    verb, amount = ("took in", row["flow_usd"]) if row["flow_usd"] >= 0 else ("lost", -row["flow_usd"])
    found = (
        f"{row['name']} {verb} {usd_text(amount)} in {_span(row)} ({percent_of_cap_text(row['flow_pct'])} of assets)"
    )
    score, percentile = value_text(row["zscore"], 1, signed=True), row["percentile_pct"]
    if abs(row["zscore"]) < UNUSUAL_Z:
        return f"No asset's flow is unusual; furthest from its past: {found}, z {score}"
    place = ("more than in", percentile) if row["flow_usd"] >= 0 else ("lower than", 100 - percentile)
    return f"{found}: {place[0]} {value_text(place[1], 1, signed=False)}% of windows before, z {score}"


def side_by_side(newest: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """One row a unit: funds before coins, a class before its assets; figures by window.

    Args:
        newest: as `newest_windows` returns them.
        runs: as `streaks` returns them.

    Returns:
        unit, symbol (null of classes and groups), level, kind, name, asset_class, the figures by window, streak, known
        (how many assets of the unit have a known window of 5 sessions).
    """
    wide = newest.pivot(on="window_sessions", index=[*UNIT, "asset_class"], values=list(_FIGURES))
    told = {tuple(row[name] for name in UNIT): _streak_text(row) for row in runs.to_dicts()}
    keys = wide.select(UNIT).rows()
    week = {tuple(row[name] for name in UNIT): row for row in newest.filter(window_sessions=WEEK).to_dicts()}
    texts: dict[str, list[str | None]] = {
        "known": [f"{week[key]['n_known']} of {week[key]['n_assets']}" if key in week else None for key in keys],
        "unit": [_indented(row) for row in wide.to_dicts()],
        "streak": [told.get(key) for key in keys],
    }
    return (
        wide.with_columns(pl.Series(name, values, pl.String) for name, values in texts.items())
        .with_columns(symbol=pl.when(pl.col("level") == ASSET).then("name"))
        .sort(
            pl.col("kind") == COINS,
            pl.col("asset_class").fill_null(""),
            pl.col("level").replace_strict(_LEVELS, return_dtype=pl.Int8),
            "name",
        )
    )


def unit_name(unit: dict[str, Any]) -> str:
    """What a unit is called: SPY, equity, all funds, crypto (coins)."""
    if unit["level"] == GROUP:
        return f"all {unit['kind']}"
    return f"{unit['name']} (coins)" if unit["kind"] == COINS and unit["level"] != ASSET else str(unit["name"])


def _indented(unit: dict[str, Any]) -> str:
    name = unit_name(unit)
    return f"\u2014 {name}" if unit["level"] == ASSET else f"{name[0].upper()}{name[1:]}"


def _span(row: dict[str, Any]) -> str:
    window = row["window_sessions"]
    return "a session" if window == 1 else f"{window} sessions"


def _streak_text(row: dict[str, Any]) -> str | None:
    if not row["streak_sessions"]:
        return None
    longer = "" if row["streak_is_seen_to_begin"] else " or longer"
    return f"{row['streak_direction']}, {day_text(row['streak_since'])}{longer}"
