"""Cumulative net flows: a line a fund, from zero at the start of the window."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import (
    FUND_METHODS,
    ISSUANCE,
    CumulativeFlowsSpec,
    is_fund,
    known_fund_flows,
    last_sessions,
    shown_symbols,
)
from marketflows_pipeline.charts.cross_asset.wording import (
    known_text,
    left_out_notes,
    percent_of_cap_text,
    session_footer,
    sessions_text,
)
from marketflows_pipeline.charts.exchanges.wording import day_text, names_text, usd_text
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, axis_title, signed, value_axis
from marketflows_pipeline.charts.style.broken_lines import broken_lines
from marketflows_pipeline.charts.style.end_labels import DIRECT_LABELS_MAX, end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.theme import REFERENCE, series_styles
from marketflows_pipeline.charts.style.time_axis import known_run, on_time_axis, time_x

_LEFT = 68


@framed
def cumulative_flows_chart(frame: pl.DataFrame, spec: CumulativeFlowsSpec) -> alt.LayerChart:
    """Draw the sums of net flows since the start of the window, in percent of each fund's market cap before.

    Each line starts at zero on the session before its first known flow. A session without a known flow breaks the line
    and adds nothing; the label then says how many sessions are in the sum. The dollars stand in the label.

    Args:
        frame: rows of ``core.asset_flows``: symbol, session, flow_method, flow_usd, market_cap_usd,
            market_cap_change_usd, and in sessions_known for how many sessions the flow stands, which is more than 1 at
            the end of a gap.
        spec: what the chart says.

    Returns:
        Zero line, lines, dots at their ends, labels that do not overlap, footer.
    """
    window = last_sessions(frame, spec.sessions)
    sums = cumulative_flows(frame, spec.sessions)
    styles = _styles(sums, spec)
    rows = sums.filter(pl.col("series").is_in([style.series for style in styles]))
    last = cast("date", window.get_column("session").max())
    first = cast("date", rows.get_column("session").min())
    sessions = window.get_column("session").n_unique()
    ends = _ends(rows, styles, sessions, last)
    page = Frame(
        title=_title(ends, styles, first),
        subtitle=[
            f"Sums of daily net flows of funds over the last {sessions_text(sessions)}, "
            f"{day_text(first)} to {day_text(last)}, in percent of the market cap before",
            "a flow is the change of shares outstanding at their price",
        ],
        footer=session_footer(spec.source, last, _notes(frame, window, sums, rows, spec)),
        left=_LEFT,
        right=names_width(ends),
        below=30,
    )
    plot = page.plot(*_domain(rows))
    scale = alt.Scale(domain=[plot.low, plot.high], nice=False)
    x, y = time_x("at", first, last), alt.Y("value:Q", scale=scale, axis=value_axis(signed(PERCENT_LABEL), 7))
    colors = alt.Scale(domain=[style.series for style in styles], range=[style.color for style in styles])
    color = alt.Color("series:N", scale=colors, legend=None)
    zero = alt.Chart(alt.InlineData(values=[{"value": 0}]))
    known = rows.filter(pl.col("value").is_not_null())
    return page.draw(
        [
            zero.mark_rule(color=REFERENCE, strokeWidth=1.2).encode(y=y),
            *broken_lines(known, x, y, color=color, **_dashes(styles)),
            *end_labels(ends, plot, y, color),
            axis_title("Net flow since the start, % of the market cap before", x=EDGE - _LEFT),
        ]
    )


def cumulative_flows(frame: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Sums of each fund's flows over the last sessions of the frame, whichever assets have them.

    The session before a fund's first known flow has the sum 0, where the frame holds it. A session whose flow is not
    known has no sum, and the next ones go on from the last.

    Args:
        frame: symbol, session, flow_method, flow_usd, market_cap_usd, market_cap_change_usd, sessions_known.
        sessions: how many.

    Returns:
        series, session, at (ms), flow_usd (the sum), value (the sum in percent of the market cap before the first known
        flow), run (of sums without a gap), known (sessions in the sum so far); only funds whose market cap is known.
    """
    flow = pl.when(is_fund() & pl.col("flow_usd").is_finite() & pl.col("is_inside")).then(pl.col("flow_usd"))
    is_known = pl.col("flow").is_not_null()
    is_start = ~is_known & is_known.shift(-1) & (pl.col("known") == 0)
    before = pl.when(is_known).then(pl.col("market_cap_usd") - pl.col("market_cap_change_usd")).drop_nulls().first()
    inside = last_sessions(frame, sessions).select(pl.col("session").unique(), is_inside=pl.lit(value=True))
    return (
        last_sessions(frame, sessions + 1)
        .join(inside, on="session", how="left")
        .with_columns(pl.col("is_inside").fill_null(value=False))
        .sort("symbol", "session")
        .with_columns(flow=flow)
        .with_columns(
            known=pl.when(is_known).then("sessions_known").otherwise(0).cum_sum().over("symbol"),
            before=before.over("symbol"),
        )
        .with_columns(
            flow_usd=pl.when(is_known)
            .then(pl.col("flow").fill_null(0).cum_sum().over("symbol"))
            .when(is_start.over("symbol"))
            .then(0.0)
        )
        .filter(pl.col("known").max().over("symbol") > 0, pl.col("before") > 0)
        .select(
            "session",
            "flow_usd",
            "known",
            series="symbol",
            at=on_time_axis("session"),
            value=100 * pl.col("flow_usd") / pl.col("before"),
            run=known_run(pl.col("flow_usd").is_not_null(), "symbol"),
        )
    )


def _title(ends: pl.DataFrame, styles: list[SeriesStyle], first: date) -> str:
    series, value = ends.sort(-pl.col("value").abs(), maintain_order=True).select("series", "value").row(0)
    label = next(style.label for style in styles if style.series == series)
    moved = "added most to" if value >= 0 else "took most from"
    return f"Since {day_text(first)} flows {moved} {label}: {percent_of_cap_text(value)} of its market cap"


def _styles(sums: pl.DataFrame, spec: CumulativeFlowsSpec) -> list[SeriesStyle]:
    """Styles of the funds with the largest sums either way, as many as can be labelled at their ends."""
    largest = (
        sums.filter(pl.col("value").is_not_null())
        .group_by("series", maintain_order=True)
        .agg(pl.col("value").last().abs())
        .sort("value", "series", descending=[True, False])
        .head(DIRECT_LABELS_MAX)
        .get_column("series")
        .to_list()
    )
    known = {style.series: style for style in spec.assets}
    shown = [known.get(symbol) for symbol in shown_symbols(largest, list(known))]
    named = {style.series for style in shown if style is not None}
    styles = [style for style in shown if style is not None]
    return [*styles, *series_styles([(symbol, symbol) for symbol in largest if symbol not in named])]


def _ends(rows: pl.DataFrame, styles: list[SeriesStyle], sessions: int, last: date) -> pl.DataFrame:
    """Series, text, value of the last sum of each fund."""
    newest = rows.filter(pl.col("value").is_not_null()).group_by("series", maintain_order=True).last()
    latest = {row["series"]: row for row in newest.iter_rows(named=True)}
    named = []
    for style in styles:
        row = latest[style.series]
        ended = "" if row["session"] == last else f", {row['session'].day} {row['session']:%b}"
        figures = f"{percent_of_cap_text(row['value'])} ({usd_text(row['flow_usd'], signed=True)})"
        text = f"{style.label} {figures}{known_text(row['known'], sessions)}{ended}"
        named.append((style.series, text, row["value"]))
    return pl.DataFrame(named, schema={"series": pl.String, "text": pl.String, "value": pl.Float64}, orient="row")


def _dashes(styles: list[SeriesStyle]) -> dict[str, Any]:
    """Dashes where there are more assets than colours."""
    if not any(style.dash for style in styles):
        return {}
    patterns = [list(style.dash) or [1, 0] for style in styles]
    scale = alt.Scale(domain=[style.series for style in styles], range=patterns)
    return {"strokeDash": alt.StrokeDash("series:N", scale=scale, legend=None)}


def _domain(rows: pl.DataFrame) -> tuple[float, float]:
    values = rows.get_column("value")
    low, high = min(0.0, cast("float", values.min())), max(0.0, cast("float", values.max()))
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _notes(
    frame: pl.DataFrame, window: pl.DataFrame, sums: pl.DataFrame, rows: pl.DataFrame, spec: CumulativeFlowsSpec
) -> list[str]:
    order = [style.series for style in spec.assets]
    funds = set(known_fund_flows(window).get_column("symbol"))
    methods = window.filter(pl.col("flow_method") == ISSUANCE)
    issuance = shown_symbols(sorted(set(methods.get_column("symbol")) - funds), order)
    unknown = shown_symbols(sorted(set(frame.get_column("symbol")) - funds - set(issuance)), order)
    notes = left_out_notes(unknown, issuance)
    if set(window.filter(pl.col("flow_method") == FUND_METHODS[1]).get_column("symbol")) & funds:
        notes.append("where shares are not published, from net assets less their growth by price")
    if rows.filter(pl.col("known") > 0).get_column("value").null_count():
        notes.append("a line breaks where the flow is not known; (n of m): sessions in the sum")
    more = shown_symbols(sorted(set(sums.get_column("series")) - set(rows.get_column("series"))), order)
    if more:
        notes.append(f"smaller, not drawn: {names_text(more)}")
    if sizeless := shown_symbols(sorted(funds - set(sums.get_column("series"))), order):
        notes.append(f"market cap unknown, not drawn: {names_text(sizeless)}")
    return [*notes, *spec.notes]
