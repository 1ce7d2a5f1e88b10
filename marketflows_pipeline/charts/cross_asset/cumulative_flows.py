"""Cumulative net flows: a line a fund, from zero at the start of the window."""

from __future__ import annotations

from datetime import date
from typing import cast

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
    session_footer,
    sessions_text,
)
from marketflows_pipeline.charts.exchanges.wording import USD_AXIS, day_text, names_text, usd_text
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import axis_title, figure_axis
from marketflows_pipeline.charts.style.end_labels import DIRECT_LABELS_MAX, end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import PlotArea
from marketflows_pipeline.charts.style.session_axis import known_run, on_session_axis, session_x
from marketflows_pipeline.charts.style.theme import REFERENCE, series_styles

_LEFT = 68
_DOT = 26


@framed
def cumulative_flows_chart(frame: pl.DataFrame, spec: CumulativeFlowsSpec) -> alt.LayerChart:
    """Draw the sums of net flows since the start of the window, 960 x 720 pixels.

    Each line starts at zero on the session before its first known flow. A session without a known flow breaks the line
    and adds nothing; the label then says how many sessions are in the sum.

    Args:
        frame: rows of ``core.asset_flows``: symbol, session, flow_method, flow_usd, and in sessions_known for how many
            sessions the flow stands, which is more than 1 at the end of a gap.
        spec: what the picture says.

    Returns:
        A layered chart: zero line, lines, dots at their ends, labels that do not overlap, footer.

    """
    window = last_sessions(frame, spec.sessions)
    sums = cumulative_flows(frame, spec.sessions)
    styles = _styles(sums, spec)
    rows = sums.filter(pl.col("symbol").is_in([style.series for style in styles]))
    last = cast("date", window.get_column("session").max())
    first = cast("date", rows.get_column("session").min())
    sessions = window.get_column("session").n_unique()
    ends = _ends(rows, styles, sessions, last)

    subtitle = subtitle_lines(
        [
            f"Sums of daily net flows of funds over the last {sessions_text(sessions)}, "
            f"{day_text(first)} to {day_text(last)}, in US dollars",
            "a flow is the change of shares outstanding at their price",
        ],
        WIDTH,
    )
    footer = footer_lines(session_footer(spec.source, last, _notes(frame, window, sums, rows, spec)), WIDTH)
    right = names_width(ends)
    top = title_height(subtitle) + 32
    bottom = 40 + footer_height(footer)
    low, high = _domain(rows)
    plot = PlotArea(WIDTH - _LEFT - right, HEIGHT - top - bottom, low, high)

    x = session_x("at", first, last)
    scale = alt.Scale(domain=[low, high], nice=False)
    axis = figure_axis(f"datum.value > 0 ? '+' + {USD_AXIS} : {USD_AXIS}", 7)
    y = alt.Y("value:Q", scale=scale, axis=axis)
    colors = alt.Scale(domain=[style.series for style in styles], range=[style.color for style in styles])
    known = rows.filter(pl.col("value").is_not_null()).with_columns(
        is_lone=pl.len().over("symbol", "run") == 1,
        is_last=pl.col("session") == pl.col("session").max().over("symbol"),
    )
    zero = alt.Chart(alt.InlineData(values=[{"value": 0}]))
    color = alt.Color("symbol:N", scale=colors, legend=None)
    layers = [
        zero.mark_rule(color=REFERENCE, strokeWidth=1.2).encode(y=y),
        _csv(known)
        .mark_line(strokeWidth=2, interpolate="linear", strokeJoin="round")
        .encode(x=x, y=y, color=color, detail="run:N", **_dashes(styles)),
        _csv(known.filter(pl.col("is_lone") | pl.col("is_last")))
        .mark_point(size=_DOT, filled=True, opacity=1)
        .encode(x=x, y=y, color=color),
        *end_labels(ends, plot, y, alt.Color("series:N", scale=colors, legend=None)),
        axis_title("Net flow since the start, in US dollars", x=EDGE - _LEFT, y=-10),
        page_footer(footer, left=_LEFT, y=plot.height + 30),
    ]
    return page(
        layers,
        title=page_title("Cumulative net flows of funds", subtitle, width=WIDTH, left=_LEFT, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(_LEFT, top, right, bottom),
    )


def cumulative_flows(frame: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Sums of each fund's flows over the last sessions of the frame, whichever assets have them.

    The session before a fund's first known flow has the sum 0, where the frame holds it. A session whose flow is not
    known has no sum, and the next ones go on from the last.

    Args:
        frame: symbol, session, flow_method, flow_usd, sessions_known.
        sessions: how many.

    Returns:
        symbol, session, at (ms), value, run (of sums without a gap), known (sessions in the sum so far).
    """
    flow = pl.when(is_fund() & pl.col("flow_usd").is_finite() & pl.col("is_inside")).then(pl.col("flow_usd"))
    is_known = pl.col("flow").is_not_null()
    is_start = ~is_known & is_known.shift(-1) & (pl.col("known") == 0)
    inside = last_sessions(frame, sessions).select(pl.col("session").unique(), is_inside=pl.lit(value=True))
    return (
        last_sessions(frame, sessions + 1)
        .join(inside, on="session", how="left")
        .with_columns(pl.col("is_inside").fill_null(value=False))
        .sort("symbol", "session")
        .with_columns(flow=flow)
        .with_columns(known=pl.when(is_known).then("sessions_known").otherwise(0).cum_sum().over("symbol"))
        .with_columns(
            value=pl.when(is_known)
            .then(pl.col("flow").fill_null(0).cum_sum().over("symbol"))
            .when(is_start.over("symbol"))
            .then(0.0)
        )
        .filter(pl.col("known").max().over("symbol") > 0)
        .with_columns(run=known_run(pl.col("value").is_not_null(), "symbol"), at=on_session_axis())
        .select("symbol", "session", "at", "value", "run", "known")
    )


def _styles(sums: pl.DataFrame, spec: CumulativeFlowsSpec) -> list[SeriesStyle]:
    """Styles of the funds with the largest sums either way, as many as can be labelled at their ends."""
    largest = (
        sums.filter(pl.col("value").is_not_null())
        .group_by("symbol", maintain_order=True)
        .agg(pl.col("value").last().abs())
        .sort("value", "symbol", descending=[True, False])
        .head(DIRECT_LABELS_MAX)
        .get_column("symbol")
        .to_list()
    )
    known = {style.series: style for style in spec.assets}
    shown = [known.get(symbol) for symbol in shown_symbols(largest, list(known))]
    named = {style.series for style in shown if style is not None}
    styles = [style for style in shown if style is not None]
    return [*styles, *series_styles([(symbol, symbol) for symbol in largest if symbol not in named])]


def _ends(rows: pl.DataFrame, styles: list[SeriesStyle], sessions: int, last: date) -> pl.DataFrame:
    """Series, text, value of the last sum of each fund."""
    latest = {
        symbol: (session, value, known)
        for symbol, session, value, known in rows.filter(pl.col("value").is_not_null())
        .group_by("symbol", maintain_order=True)
        .last()
        .select("symbol", "session", "value", "known")
        .iter_rows()
    }
    named = []
    for style in styles:
        session, value, known = latest[style.series]
        ended = "" if session == last else f", {session.day} {session:%b}"
        partly = known_text(known, sessions)
        named.append((style.series, f"{style.label} {usd_text(value, signed=True)}{partly}{ended}", value))
    return pl.DataFrame(named, schema={"series": pl.String, "text": pl.String, "value": pl.Float64}, orient="row")


def _dashes(styles: list[SeriesStyle]) -> dict[str, alt.StrokeDash]:
    """Dashes where there are more assets than colours."""
    if not any(style.dash for style in styles):
        return {}
    patterns = [list(style.dash) or [1, 0] for style in styles]
    scale = alt.Scale(domain=[style.series for style in styles], range=patterns)
    return {"strokeDash": alt.StrokeDash("symbol:N", scale=scale, legend=None)}


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
    more = shown_symbols(sorted(set(sums.get_column("symbol")) - set(rows.get_column("symbol"))), order)
    if more:
        notes.append(f"smaller, not drawn: {names_text(more)}")
    return [*notes, *spec.notes]


def _csv(rows: pl.DataFrame) -> alt.Chart:
    text = rows.select("symbol", "run", "at", pl.col("value").round_sig_figs(7)).write_csv()
    parse = {"symbol": "string", "run": "number", "at": "number", "value": "number"}
    return alt.Chart(alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=parse)))
