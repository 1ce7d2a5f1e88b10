"""Cards of pairs of assets: who gained while others lost, and who moves alike."""

from __future__ import annotations

from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, share_text, usd_text, value_text
from marketflows_pipeline.report.credits import BARS, REFERENCE, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows
from marketflows_pipeline.report.sections.cross_flows import CREATIONS
from marketflows_pipeline.report.sections.marks import (
    both_ways,
    by_size,
    columns_axis,
    heat_map,
    height_of,
    limits_text,
    rows_axis,
)
from marketflows_pipeline.report.specs import kept_spec, spec_of
from marketflows_pipeline.transforms.cross_asset.flow_map import OUTSIDE

MAP, CORRELATIONS = "cross_asset_flow_map", "cross_asset_correlations"
MAP_LIMITS = (1.0, 5.0, 20.0)
CORRELATION_LIMITS = (0.2, 0.4, 0.7)
OUTSIDE_NAME = "outside"
# A cell that is narrower, in px, shows its colour alone.
_LEAST_CELL = 36

MAP_SQL = """
with shown as (
    select case when bool_or(window_sessions = 21) then 21 else max(window_sessions) end as n from mart.flow_map
    where not includes_issuance
)
select from_symbol, to_symbol, window_sessions, session, flow_usd,
       100 * flow_usd / nullif(sum(flow_usd) over (), 0) as share_pct
from mart.flow_map
where not includes_issuance and window_sessions = (select n from shown)
order by flow_usd desc, from_symbol, to_symbol
"""
CORRELATIONS_SQL = """
with newest as (
    from mart.correlations where session = (select max(session) from mart.correlations)
    qualify window_sessions = max(window_sessions) over ()
)
select symbol_a, symbol_b, window_sessions, session, correlation from newest
union all
select symbol_b, symbol_a, window_sessions, session, correlation from newest
order by symbol_a, symbol_b
"""


def map_card(file: PublishedFile) -> Card | None:
    """Outflows attributed to inflows over a month; nothing without a pair."""
    pairs = rows(file, MAP_SQL)
    if pairs.is_empty():
        return None
    pairs = pairs.with_columns(
        source=pl.col("from_symbol").replace(OUTSIDE, OUTSIDE_NAME),
        to=pl.col("to_symbol").replace(OUTSIDE, OUTSIDE_NAME),
    )
    title, window = map_title(pairs), pairs["window_sessions"][0]
    return Card(
        key="cross-asset-flow-map",
        title=title,
        subtitle=(
            f"Outflows of {window} sessions (rows) spread over inflows (columns) by size, in USD; "
            f"{limits_text(MAP_LIMITS, '% of all')}"
        ),
        caption=caption(
            market_credit(file, BARS, SHARES),
            pairs["session"][0],
            "an attribution in proportion, not observed transfers: nobody sees where a dollar goes",
            "outside is what has no counterpart among these assets",
            CREATIONS,
            "issuance of coins is not in it",
        ),
        dataset=Dataset(MAP, pairs),
        columns=(
            FigureColumn("source", "From"),
            FigureColumn("to", "To"),
            FigureColumn("flow_usd", "Attributed (M USD)", 1, divisor=1e6),
            FigureColumn("share_pct", "Of all (%)", 1),
        ),
        sql=MAP_SQL,
        spec=_map_spec(pairs),
        description=f"A table of colours, who lost in rows, who gained in columns. {title}.",
        pictures=(f"CrossAsset_flow_map_{window}.png",),
    )


def map_title(pairs: pl.DataFrame) -> str:
    """The largest attributed pair, and how much has no counterpart."""
    is_outside = (pl.col("from_symbol") == OUTSIDE) | (pl.col("to_symbol") == OUTSIDE)
    inside, outside = pairs.filter(~is_outside), pairs.filter(is_outside)
    total = float(pairs["flow_usd"].sum())
    rest = ""
    if outside.height and total > 0:
        side = "left the universe" if outside["to_symbol"][0] == OUTSIDE else "came from outside"
        rest = f"{share_text(100 * float(outside['flow_usd'].sum()) / total)} of {usd_text(total)} {side}"
    if inside.is_empty():
        return f"No fund gained what others lost: {rest}" if rest else "No fund gained what others lost"
    first = inside.sort("flow_usd", "from_symbol", "to_symbol", descending=[True, False, False]).row(0, named=True)
    pair = (
        f"{first['from_symbol']} to {first['to_symbol']} is the largest attributed flow, {usd_text(first['flow_usd'])}"
    )
    return f"{pair}; {rest}" if rest else pair


def correlations_card(file: PublishedFile) -> Card | None:
    """Correlations of daily returns at the newest week's end; nothing where none is known."""
    pairs = rows(file, CORRELATIONS_SQL)
    known = pairs.drop_nulls("correlation")
    if known.is_empty():
        return None
    title, window = correlations_title(known), pairs["window_sessions"][0]
    has_series = file.has("mart.reference_series")
    return Card(
        key="cross-asset-correlations",
        title=title,
        subtitle=(
            f"Correlation of daily returns over {window} sessions: blue alike, orange against each other; "
            f"{limits_text(CORRELATION_LIMITS, '')}"
        ),
        caption=caption(
            market_credit(file, BARS, *([REFERENCE] if has_series else [])),
            pairs["session"][0],
            "FRED's series by daily differences, the dollar index by log returns; they have no flow"
            if has_series
            else "",
            "correlation of the past, which changes; neither is said to cause the other",
        ),
        dataset=Dataset(CORRELATIONS, pairs),
        columns=(
            FigureColumn("symbol_a", "Asset"),
            FigureColumn("symbol_b", "With"),
            FigureColumn("correlation", "Correlation", 2, signed=True),
        ),
        sql=CORRELATIONS_SQL,
        spec=_correlations_spec(known),
        description=f"A table of colours of {counted(known['symbol_a'].n_unique(), 'asset')} with each other. {title}.",
        pictures=("CrossAsset_correlations.png",),
    )


def correlations_title(known: pl.DataFrame) -> str:
    """Who moves most on its own, which nobody does that moves against all others, and which two move most alike."""
    sizes = known.group_by("symbol_a").agg(pl.col("correlation").abs().mean())
    alone, size = sizes.sort("correlation", "symbol_a", descending=[False, True]).row(0)
    once = known.filter(pl.col("symbol_a") < pl.col("symbol_b"))
    alike = once.sort("correlation", "symbol_a", "symbol_b", descending=[True, False, False]).row(0, named=True)
    pair = f"{alike['symbol_a']} and {alike['symbol_b']}"
    value = value_text(alike["correlation"], 2, signed=True)
    if once.height == 1:
        return f"{pair}: correlation {value} over {alike['window_sessions']} sessions"
    return (
        f"{alone} moves most on its own, correlation {value_text(size, 2, signed=False)} on average, signs aside; "
        f"{pair} most alike, {value}"
    )


def _means(known: pl.DataFrame) -> pl.DataFrame:
    """Symbol and mean correlation with all others, the highest first."""
    return (
        known.group_by("symbol_a", maintain_order=True)
        .agg(mean=pl.col("correlation").mean())
        .sort("mean", "symbol_a", descending=[True, False])
    )


def _cells(dataset: str, source: str, to: str, order: tuple[list[str], list[str]], text: str) -> Any:  # noqa: ANN401 (of Altair)
    import altair as alt

    down, across = order
    return (
        alt.Chart(alt.NamedData(dataset))
        .transform_calculate(text=f"width < {_LEAST_CELL * len(across) + 60} ? '' : {text}")
        .encode(x=columns_axis(to, across), y=rows_axis(source, {name: name for name in down}))
    )


@kept_spec
def _map_spec(pairs: pl.DataFrame) -> dict[str, Any]:
    import altair as alt

    down, across = (
        pairs.group_by(side, maintain_order=True)
        .agg(pl.col("flow_usd").sum())
        .sort(pl.col(side) == OUTSIDE_NAME, "flow_usd", side, descending=[False, True, False])[side]
        .to_list()
        for side in ("source", "to")
    )
    million = "(datum.flow_usd < 1e6 ? '<1M' : format(datum.flow_usd / 1e6, '.0f') + 'M')"
    usd = f"(datum.flow_usd >= 1e9 ? format(datum.flow_usd / 1e9, '.1f') + 'B' : {million})"
    tooltip = [
        alt.Tooltip("source:N", title="From"),
        alt.Tooltip("to:N", title="To"),
        alt.Tooltip("million:Q", title="Attributed (M USD)", format=",.1f"),
        alt.Tooltip("share_pct:Q", title="Of all (%)", format=".1f"),
    ]
    cells = _cells(MAP, "source", "to", (down, across), usd).transform_calculate(million="datum.flow_usd / 1e6")
    chart = heat_map(cells, by_size("share_pct", MAP_LIMITS), size=12, tooltip=tooltip)
    return spec_of(chart, MAP, height=height_of(len(down), row=38))


@kept_spec
def _correlations_spec(known: pl.DataFrame) -> dict[str, Any]:
    import altair as alt

    order = _means(known)["symbol_a"].to_list()
    cells = _cells(
        CORRELATIONS, "symbol_a", "symbol_b", (order, order), "format(datum.correlation, '+.2f')"
    ).transform_filter("isValid(datum.correlation)")
    tooltip = [
        alt.Tooltip("symbol_a:N", title="Asset"),
        alt.Tooltip("symbol_b:N", title="With"),
        alt.Tooltip("correlation:Q", title="Correlation", format="+.2f"),
    ]
    chart = heat_map(cells, both_ways("correlation", CORRELATION_LIMITS), size=11, gap=1, tooltip=tooltip)
    return spec_of(chart, CORRELATIONS, height=height_of(len(order), row=27))
