"""Cumulative net flows: a line a fund, from zero at the start of the window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import (
    FUND_METHODS,
    CumulativeFlowsSpec,
    is_fund,
    is_known_of_fund,
    last_sessions,
    shown_symbols,
)
from marketflows_pipeline.charts.cross_asset.wording import (
    PARTLY_KNOWN,
    known_text,
    not_drawn_notes,
    percent_of_cap_text,
    without_flow_notes,
)
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, signed, value_axis, value_y
from marketflows_pipeline.charts.style.broken_lines import broken_lines
from marketflows_pipeline.charts.style.end_labels import DIRECT_LABELS_MAX, end_labels, line_ends, names_width
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.layout import roomy
from marketflows_pipeline.charts.style.marks import reference_line, series_channels
from marketflows_pipeline.charts.style.theme import series_styles
from marketflows_pipeline.charts.style.time_axis import first_and_last, known_run, on_time_axis, time_x
from marketflows_pipeline.charts.style.wording import counted, day_text, short_day, usd_text


@framed
def cumulative_flows_chart(frame: pl.DataFrame, spec: CumulativeFlowsSpec) -> alt.LayerChart:
    """Draw the sums of net flows since the start of the window, in percent of each fund's market cap before.

    Each line starts at zero on the session before its first known flow. A session without a known flow breaks the line
    and adds nothing; the label then says how many sessions are in the sum. The dollars stand in the label.
    """
    window = last_sessions(frame, spec.sessions)
    sums = cumulative_flows(frame, spec.sessions)
    styles = _styles(sums, spec)
    rows = sums.filter(pl.col("series").is_in([style.series for style in styles]))
    known = rows.filter(pl.col("value").is_not_null())
    (first, _), (_, last) = first_and_last(rows, "session"), first_and_last(window, "session")
    sessions = window.get_column("session").n_unique()

    def label(style: SeriesStyle, row: Mapping[str, Any]) -> str:
        ended = "" if row["session"] == last else f", {short_day(row['session'])}"
        figures = f"{percent_of_cap_text(row['value'])} ({usd_text(row['flow_usd'], signed=True)})"
        return f"{style.label} {figures}{known_text(row['known'], sessions)}{ended}"

    ends = line_ends(known, styles, label)
    page = Frame(
        title=_title(ends, styles, first),
        subtitle=[
            f"Sums of daily net flows of funds over the last {counted(sessions, 'session')}, "
            f"{day_text(first)} to {day_text(last)}, in percent of the market cap before",
            "a flow is the change of shares outstanding at their price",
        ],
        footer=spec.footer(last, _notes(window, sums, rows, spec)),
        left=68,
        right=names_width(ends),
        below=30,
    )
    plot = page.plot(*roomy(known["value"], 0.05, 0.0))
    x, y = time_x("at", first, last), value_y(plot, value_axis(signed(PERCENT_LABEL), 7))
    channels = series_channels(styles)
    return page.draw(
        [
            reference_line("value", 0).encode(y=y),
            *broken_lines(known, x, y, **channels),
            *end_labels(ends, plot, y, channels["color"]),
            page.value_title("Net flow since the start, % of the market cap before"),
        ]
    )


def cumulative_flows(frame: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Sums of each fund's flows over the last sessions of the frame, whichever assets have them.

    The session before a fund's first known flow has the sum 0, where the frame holds it. A session whose flow is not
    known has no sum, and the next ones go on from the last.

    Args:
        frame: symbol, session, flow_method, flow_usd, market_cap_usd, market_cap_change_usd, sessions_known (for how
            many sessions a flow stands, which is more than 1 at the end of a gap).
        sessions: how many.

    Returns:
        series, session, at (ms), flow_usd (the sum), value (the sum in percent of the market cap before the first known
        flow), run (of sums without a gap), known (sessions in the sum so far); only funds whose market cap is known.
    """
    is_inside = pl.col("session").rank("dense", descending=True) <= sessions
    is_known = pl.col("flow").is_not_null()
    is_start = ~is_known & is_known.shift(-1) & (pl.col("known") == 0)
    before = pl.when(is_known).then(pl.col("market_cap_usd") - pl.col("market_cap_change_usd")).drop_nulls().first()
    return (
        last_sessions(frame, sessions + 1)
        .with_columns(flow=pl.when(is_fund() & pl.col("flow_usd").is_finite() & is_inside).then("flow_usd"))
        .sort("symbol", "session")
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
        .head(DIRECT_LABELS_MAX)["series"]
    )
    known = {style.series: style for style in spec.assets}
    others = series_styles([(symbol, symbol) for symbol in largest if symbol not in known])
    return [*(known[symbol] for symbol in shown_symbols(set(largest) & set(known), list(known))), *others]


def _notes(window: pl.DataFrame, sums: pl.DataFrame, rows: pl.DataFrame, spec: CumulativeFlowsSpec) -> list[str]:
    order = [style.series for style in spec.assets]
    flows = window.filter(is_known_of_fund("flow_usd"))
    funds, summed, drawn = set(flows["symbol"]), set(sums["series"]), set(rows["series"])
    of_funds = window.filter(pl.col("symbol").is_in(funds))
    notes = without_flow_notes(window, funds, order)
    if (of_funds["flow_method"] == FUND_METHODS[1]).any():
        notes.append("where shares are not published, from net assets less their growth by price")
    if rows.filter(pl.col("known") > 0)["value"].null_count():
        notes.append(f"a line breaks where the flow is not known; {PARTLY_KNOWN}")
    notes += not_drawn_notes("smaller, not drawn", summed - drawn, order)
    return [*notes, *not_drawn_notes("market cap unknown, not drawn", funds - summed, order)]
