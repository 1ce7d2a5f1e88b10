"""Flows of assets, classes and all funds over the last sessions beside their own past, and of groups of funds."""

from __future__ import annotations

from typing import Any, cast

import polars as pl

from marketflows_pipeline.charts.cross_asset.wording import coverage_text, percent_of_cap_text
from marketflows_pipeline.charts.style.wording import counted, day_text, usd_text, value_text
from marketflows_pipeline.report.credits import BARS, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import UNUSUAL_Z, caption, newest_time, rows
from marketflows_pipeline.report.sections.marks import height_of, rows_axis, signed_bars
from marketflows_pipeline.report.specs import kept_spec, spec_of
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
    unit_name,
)
from marketflows_pipeline.transforms.cross_asset.trade_sessions import FLOW_COLUMNS, trade_flows

FLOWS = "core.asset_flows"
CREATIONS = "creations are counted by the issuers, often a session after the orders"
# What the figures are made of; the windows, their z-scores and percentiles are those of `cross-asset brief`.
SQL = f"select {', '.join(FLOW_COLUMNS)} from core.asset_flows order by symbol, session"
GROUPS = "cross_asset_groups"
GROUPS_SQL = """
with sessions as (
    select session from (select distinct session from mart.fund_group_flows)
    qualify row_number() over (order by session desc) <= 21
)
select asset_group, max(session) as session, sum(flow_usd) as flow_usd, count(*) as n_sessions,
       count(flow_usd) as sessions_known, arg_max(n_funds, session) as n_funds, arg_max(n_known, session) as n_known,
       arg_max(n_with_assets, session) as n_with_assets, last(assets_usd order by session) as assets_usd,
       last(coverage_pct order by session) as coverage_pct, min(coverage_pct) as least_coverage_pct
from mart.fund_group_flows
join sessions using (session)
group by asset_group
order by flow_usd desc nulls last, asset_group
"""
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


def groups_card(file: PublishedFile) -> Card | None:
    """Flows of groups over a month of sessions; nothing where none is known."""
    groups = rows(file, GROUPS_SQL)
    known = groups.drop_nulls("flow_usd")
    if known.is_empty():
        return None
    title = groups_title(known)
    parts = [f"{row['asset_group']} {coverage_text(row)}" for row in groups.to_dicts()]
    return Card(
        key="cross-asset-groups",
        title=title,
        subtitle=f"Flows of groups of funds over {counted(cast('int', known['n_sessions'].max()), 'session')}, M USD",
        caption=caption(
            market_credit(file, BARS, SHARES),
            newest_time(groups, "session"),
            f"known: {'; '.join(parts)}",
            "nothing is filled in: a sum of a part of a group is that of the part",
            "a fund is in a part of a group and in the whole",
            CREATIONS,
        ),
        dataset=Dataset(GROUPS, groups),
        columns=(
            FigureColumn("asset_group", "Group"),
            FigureColumn("flow_usd", "Flow (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("sessions_known", "Sessions known", 0),
            FigureColumn("n_known", "Funds known", 0),
            FigureColumn("n_funds", "Funds", 0),
            FigureColumn("coverage_pct", "Of known assets (%)", 1),
            FigureColumn("least_coverage_pct", "Least of a session (%)", 1),
            FigureColumn("assets_usd", "Known assets (M USD)", 0, divisor=1e6),
        ),
        sql=GROUPS_SQL,
        spec=_groups_spec(known.select("asset_group")),
        description=f"Bars of {counted(known.height, 'group')}, the largest inflow first. {title}.",
        series_key="asset_group",
        pictures=("CrossAsset_fund_groups.png",),
    )


def groups_title(known: pl.DataFrame) -> str:
    """The group with the largest flow either way, and how much of it is known."""
    row = known.sort(pl.col("flow_usd").abs(), "asset_group", descending=[True, False]).row(0, named=True)
    moved = "took in" if row["flow_usd"] >= 0 else "lost"
    return (
        f"{row['asset_group']} {moved} {usd_text(abs(row['flow_usd']))} in {counted(row['n_sessions'], 'session')}, "
        f"{row['n_known']} of {counted(row['n_funds'], 'fund')} known"
    )


@kept_spec
def _groups_spec(known: pl.DataFrame) -> dict[str, Any]:
    import altair as alt

    base = (
        alt.Chart(alt.NamedData(GROUPS))
        .transform_filter("isValid(datum.flow_usd)")
        .transform_calculate(million="datum.flow_usd / 1e6")
    )
    tooltip = [
        alt.Tooltip("asset_group:N", title="Group"),
        alt.Tooltip("million:Q", title="Flow (M USD)", format="+,.1f"),
        alt.Tooltip("n_known:Q", title="Funds known"),
        alt.Tooltip("n_funds:Q", title="Funds"),
        alt.Tooltip("coverage_pct:Q", title="Of known assets (%)", format=".1f"),
    ]
    y = rows_axis("asset_group", {name: name for name in known["asset_group"]})
    bars = signed_bars(base, y, "asset_group", tooltip, length="million", flow="flow_usd")
    return spec_of(bars, GROUPS, height=height_of(known.height, row=28))
