"""Market shares over time: one area an exchange, stacked to a hundred percent."""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import OTHER, SharesSpec
from marketflows_pipeline.charts.exchanges.wording import (
    SEGMENTS,
    day_text,
    days_text,
    fixed_set_notes,
    names_text,
    share_text,
)
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import PERCENT_LABEL, axis_title, value_axis
from marketflows_pipeline.charts.style.broken_lines import csv_chart
from marketflows_pipeline.charts.style.end_labels import LABEL_SIZE, end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY
from marketflows_pipeline.charts.style.time_axis import (
    as_of,
    epoch_ms,
    first_and_last,
    on_time_axis,
    time_x,
    unbroken_run,
)
from marketflows_pipeline.charts.style.wording import footer_parts

OTHER_FILL = "#d5d9e0"

_LEFT = 56
_LABEL_MAX = 190
_HALF_DAY_MS = 43_200_000


@framed
def shares_chart(frame: pl.DataFrame, spec: SharesSpec) -> alt.LayerChart:
    """Draw shares stacked from the largest at the bottom to all others at the top.

    A day without any share leaves a gap: nothing is drawn between the days around it.

    Args:
        frame: rows of ``mart.exchange_shares`` of one measure and segment: day, ts, exchange_key, fixed_share_pct.
        spec: what the chart says.

    Returns:
        Areas, a bar where a day stands between two gaps, labels with the last shares, footer.
    """
    known = frame.filter(pl.col("fixed_share_pct").is_finite())
    stacked = stacked_shares(known, [style.series for style in spec.series])
    first, last = first_and_last(stacked)
    styles = _styles(stacked, spec)
    ends = _ends(stacked, styles)
    page = Frame(
        title=_title(stacked, spec),
        subtitle=_subtitle(spec, (last - first).days + 1, day_text(last), styles),
        footer=footer_parts(spec.source, as_of(known, "ts"), _notes(known, stacked, spec)),
        left=_LEFT,
        right=names_width(ends),
        below=32,
    )
    scale = alt.Scale(domain=[0, 100], nice=False)
    axis = value_axis(PERCENT_LABEL)
    series = [style.series for style in styles]
    inks = alt.Scale(domain=series, range=[style.color for style in styles])
    ends_y, color = alt.Y("value:Q", scale=scale, axis=axis), alt.Color("series:N", scale=inks, legend=None)
    return page.draw(
        [
            *_areas(stacked, styles, alt.Y("low:Q", scale=scale, axis=axis)),
            *end_labels(ends, page.plot(0, 100), ends_y, color),
            axis_title("Share of spot volume", x=EDGE - _LEFT),
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


def _styles(stacked: pl.DataFrame, spec: SharesSpec) -> list[SeriesStyle]:
    others = stacked.filter(pl.col("series") == OTHER).get_column("share")
    return [*spec.series, SeriesStyle(OTHER, "Other", GREY)] if others.count() else list(spec.series)


def _ends(stacked: pl.DataFrame, styles: list[SeriesStyle]) -> pl.DataFrame:
    """Series, text, value (the middle of its area) of the series that have a share on the last day."""
    last = stacked.filter(pl.col("day") == pl.col("day").max(), pl.col("share") > 0)
    rows = {
        series: (share, (low + high) / 2)
        for series, share, low, high in last.select("series", "share", "low", "high").iter_rows()
    }
    named = []
    for style in styles:
        if style.series in rows:
            share, middle = rows[style.series]
            figure = share_text(share)
            room = _LABEL_MAX - text_width(f" {figure}", LABEL_SIZE, bold=True)
            named.append((style.series, f"{shorten(style.label, LABEL_SIZE, room)} {figure}", middle))
    return pl.DataFrame(named, schema={"series": pl.String, "text": pl.String, "value": pl.Float64}, orient="row")


def _title(stacked: pl.DataFrame, spec: SharesSpec) -> str:
    labels = {style.series: style.label for style in spec.series}
    last = stacked.filter(pl.col("day") == pl.col("day").max(), pl.col("series") != OTHER, pl.col("share") > 0)
    if last.is_empty():
        return f"Shares of the spot volume of {_phrase(spec.segment)}"
    series, share = last.sort("share", descending=True).select("series", "share").row(0)
    return f"{labels[series]} has {share_text(share)} of the spot volume of {_phrase(spec.segment)}"


def _subtitle(spec: SharesSpec, span: int, last: str, styles: list[SeriesStyle]) -> list[str]:
    parts = [f"Share of the 24-hour volume of {_phrase(spec.segment)} measured on 90% of the days, in percent"]
    parts.append(f"daily, {days_text(span)} to {last}")
    if len(styles) > len(spec.series):
        parts.append(f"the {len(spec.series)} largest by {spec.mean_days}-day mean volume")
    return parts


def _phrase(segment: str) -> str:
    return "exchanges" if segment == "all" else f"{SEGMENTS.get(segment, segment).lower()} exchanges"


def _notes(known: pl.DataFrame, stacked: pl.DataFrame, spec: SharesSpec) -> list[str]:
    counts = known.group_by("day").agg(exchanges=pl.col("exchange_key").n_unique()).get_column("exchanges")
    fewest, most = cast("int", counts.min()), cast("int", counts.max())
    measured = f"{most}" if fewest == most else f"{fewest} to {most}"
    notes = [
        f"{measured} {'exchange' if most == 1 else 'exchanges'} measured a day",
        "volume as the exchanges report it",
    ]
    if spec.segment == "centralised":
        notes.append("centralised: as CoinGecko says of the largest, or in DefiLlama's list")
    present = set(
        stacked.filter(pl.col("day") == pl.col("day").max(), pl.col("share") > 0).get_column("series").to_list()
    )
    absent = [style.label for style in spec.series if style.series not in present]
    if fewest < most:
        notes.append("an exchange takes no room on a day without its figure")
    if absent:
        notes.append(f"not measured on the last day: {names_text(absent)}")
    first, last = first_and_last(known)
    missing = (last - first).days + 1 - known.get_column("day").n_unique()
    if missing:
        notes.append(f"white gaps: {days_text(missing)} without an observation")
    return [*notes, *fixed_set_notes(spec.left_out), *spec.notes]
