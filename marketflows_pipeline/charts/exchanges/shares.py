"""Market shares over time: one area an exchange, stacked to a hundred percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import OTHER, SharesSpec
from marketflows_pipeline.charts.exchanges.wording import SEGMENTS, fixed_set_notes
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, value_axis, value_y
from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.end_labels import LABEL_SIZE, end_labels, line_ends, names_width
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.marks import csv_chart, series_channels
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY
from marketflows_pipeline.charts.style.time_axis import (
    as_of,
    epoch_ms,
    first_and_last,
    on_time_axis,
    time_x,
    unbroken_run,
)
from marketflows_pipeline.charts.style.wording import counted, day_text, note_of, share_text

OTHER_FILL = var("other")

_LABEL_MAX = 190
_HALF_DAY_MS = 43_200_000


@framed
def shares_chart(frame: pl.DataFrame, spec: SharesSpec) -> alt.LayerChart:
    """Draw shares stacked from the largest at the bottom to all others at the top.

    A day without any share leaves a gap: nothing is drawn between the days around it.
    """
    known = frame.filter(pl.col("fixed_share_pct").is_finite())
    stacked = stacked_shares(known, [style.series for style in spec.series])
    first, last = first_and_last(stacked)
    has_others = stacked.filter(series=OTHER)["share"].count() > 0
    styles = [*spec.series, SeriesStyle(OTHER, "Other", GREY)] if has_others else list(spec.series)
    shown = stacked.filter(pl.col("day") == last, pl.col("share") > 0)
    ends = line_ends(shown.with_columns(value=(pl.col("low") + pl.col("high")) / 2), styles, _label)
    page = Frame(
        title=_title(shown, spec),
        subtitle=_subtitle(spec, (last - first).days + 1, day_text(last), styles),
        footer=spec.footer(as_of(known, "ts"), _notes(known, shown, spec)),
        left=56,
        right=names_width(ends),
        below=32,
    )
    plot, axis = page.plot(0, 100), value_axis(PERCENT_LABEL)
    return page.draw(
        [
            *_areas(stacked, styles, value_y(plot, axis, "low")),
            *end_labels(ends, plot, value_y(plot, axis), series_channels(styles)["color"]),
            page.value_title("Share of spot volume"),
        ]
    )


def _areas(stacked: pl.DataFrame, styles: list[SeriesStyle], y: alt.Y) -> list[alt.Chart]:
    """Areas over runs of days, and bars of a day's width for days between two gaps."""
    first, last = first_and_last(stacked)
    # As an area the others step back behind those that are named.
    fills = [OTHER_FILL if style.series == OTHER else style.color for style in styles]
    scale = alt.Scale(domain=[style.series for style in styles], range=fills)
    x, fill = time_x("at", first, last), alt.Fill("series:N", scale=scale, legend=None)
    rows = stacked.select(
        "run",
        "series",
        pl.col("low", "high").round(4),
        at=on_time_axis("day"),
        is_lone=pl.col("day").n_unique().over("run") == 1,
    )
    areas: alt.Chart = (
        csv_chart(rows.filter(~pl.col("is_lone")).drop("is_lone"))
        .mark_area(interpolate="linear", stroke=BACKGROUND, strokeWidth=0.8, line=False)
        .encode(x=x, y=y, y2="high", fill=fill, detail="run:N")
    )
    lone = rows.filter("is_lone").select(
        "series",
        "low",
        "high",
        at=pl.max_horizontal(pl.col("at") - _HALF_DAY_MS, epoch_ms(first)),
        end=pl.min_horizontal(pl.col("at") + _HALF_DAY_MS, epoch_ms(last)),
    )
    if lone.is_empty():
        return [areas]
    return [areas, csv_chart(lone).mark_rect().encode(x=x, x2="end", y=y, y2="high", fill=fill)]


def stacked_shares(frame: pl.DataFrame, largest: list[str]) -> pl.DataFrame:
    """Shares of the largest exchanges and of all others, one upon the other.

    An exchange that was not measured on a day takes no room that day.

    Args:
        frame: day, exchange_key, fixed_share_pct.
        largest: keys of the exchanges shown one by one, from the bottom up.

    Returns:
        day, run (of consecutive days), series, place, share, low, high: one row a day and series, the others last.
    """
    order = pl.DataFrame({"series": [*largest, OTHER]}).with_row_index("place")
    shares = frame.group_by(
        "day",
        series=pl.when(pl.col("exchange_key").is_in(largest)).then("exchange_key").otherwise(pl.lit(OTHER)),
    ).agg(share=pl.col("fixed_share_pct").sum())
    days = frame.select("day").unique().sort("day").with_columns(run=unbroken_run())
    grid = days.join(order, how="cross").join(shares, on=["day", "series"], how="left")
    top = pl.col("share").fill_null(0).cum_sum().over("day", order_by="place")
    return (
        grid.sort("day", "place")
        .with_columns(high=top.clip(0, 100))
        .with_columns(low=(pl.col("high") - pl.col("share").fill_null(0)).clip(0, 100))
        .select("day", "run", "series", "place", "share", "low", "high")
    )


def _label(style: SeriesStyle, row: Mapping[str, Any]) -> str:
    figure = share_text(row["share"])
    room = _LABEL_MAX - text_width(f" {figure}", LABEL_SIZE, bold=True)
    return f"{shorten(style.label, LABEL_SIZE, room)} {figure}"


def _title(shown: pl.DataFrame, spec: SharesSpec) -> str:
    labels = {style.series: style.label for style in spec.series}
    largest = shown.filter(pl.col("series") != OTHER).sort("share", descending=True)
    for series, share in largest.select("series", "share").head(1).iter_rows():
        return f"{labels[series]} has {share_text(share)} of the spot volume of {_phrase(spec.segment)}"
    return f"Shares of the spot volume of {_phrase(spec.segment)}"


def _subtitle(spec: SharesSpec, span: int, last: str, styles: list[SeriesStyle]) -> list[str]:
    parts = [f"Share of the 24-hour volume of {_phrase(spec.segment)} measured on 90% of the days, in percent"]
    parts.append(f"daily, {counted(span, 'day')} to {last}")
    if len(styles) > len(spec.series):
        parts.append(f"the {len(spec.series)} largest by {spec.mean_days}-day mean volume")
    return parts


def _phrase(segment: str) -> str:
    return "exchanges" if segment == "all" else f"{SEGMENTS.get(segment, segment).lower()} exchanges"


def _notes(known: pl.DataFrame, shown: pl.DataFrame, spec: SharesSpec) -> list[str]:
    counts = known.group_by("day").agg(exchanges=pl.col("exchange_key").n_unique()).get_column("exchanges")
    fewest, most = cast("int", counts.min()), cast("int", counts.max())
    measured = "" if fewest == most else f"{fewest} to "
    notes = [
        f"{measured}{counted(most, 'exchange')} measured a day",
        "volume as the exchanges report it",
    ]
    if spec.segment == "centralised":
        notes.append("centralised: as CoinGecko says of the largest, or in DefiLlama's list")
    absent = [style.label for style in spec.series if style.series not in set(shown["series"])]
    if fewest < most:
        notes.append("an exchange takes no room on a day without its figure")
    notes += note_of("not measured on the last day", absent)
    first, last = first_and_last(known)
    missing = (last - first).days + 1 - known.get_column("day").n_unique()
    if missing:
        notes.append(f"{current_look().paper} gaps: {counted(missing, 'day')} without an observation")
    return [*notes, *fixed_set_notes(spec.left_out)]
