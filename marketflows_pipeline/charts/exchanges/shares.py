"""Market shares over time: one area an exchange, stacked to a hundred percent."""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import OTHER, SharesSpec
from marketflows_pipeline.charts.exchanges.wording import (
    PERCENT_AXIS,
    SEGMENTS,
    day_text,
    days_text,
    fixed_set_notes,
    names_text,
    share_text,
)
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import axis_title, day_axis, day_scale, figure_axis
from marketflows_pipeline.charts.style.days import as_of, epoch_ms, first_and_last, on_day_axis, unbroken_run
from marketflows_pipeline.charts.style.end_labels import LABEL_SIZE, end_labels, names_width
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import PlotArea, shorten, text_width
from marketflows_pipeline.charts.style.theme import BACKGROUND, GREY
from marketflows_pipeline.charts.style.wording import footer_parts

OTHER_FILL = "#d5d9e0"

_LEFT = 56
_LABEL_MAX = 190
_HALF_DAY_MS = 43_200_000


@framed
def shares_chart(frame: pl.DataFrame, spec: SharesSpec) -> alt.LayerChart:
    """Draw shares stacked from the largest at the bottom to all others at the top, 960 x 720 pixels.

    A day without any share leaves a gap: nothing is drawn between the days around it.

    Args:
        frame: rows of ``mart.exchange_shares`` of one measure and segment: day, ts, exchange_key, fixed_share_pct.
        spec: what the picture says.

    Returns:
        A layered chart: areas, a bar where a day stands between two gaps, labels with the last shares, footer.

    """
    known = frame.filter(pl.col("fixed_share_pct").is_finite())
    stacked = stacked_shares(known, [style.series for style in spec.series])
    first, last = first_and_last(stacked)
    styles = _styles(stacked, spec)
    ends = _ends(stacked, styles)

    subtitle = subtitle_lines(_subtitle_parts(spec, (last - first).days + 1, day_text(last), styles), WIDTH)
    footer = footer_lines(footer_parts(spec.source, as_of(known, "ts"), _notes(known, stacked, spec)), WIDTH)
    right = names_width(ends)
    top = title_height(subtitle) + 32
    bottom = 50 + footer_height(footer)
    plot = PlotArea(WIDTH - _LEFT - right, HEIGHT - top - bottom, 0, 100)

    x = alt.X("at:T", scale=day_scale(first, last), axis=day_axis(first, last))
    scale = alt.Scale(domain=[0, 100], nice=False)
    y = alt.Y("low:Q", scale=scale, axis=figure_axis(PERCENT_AXIS))
    series = [style.series for style in styles]
    inks = alt.Scale(domain=series, range=[style.color for style in styles])
    # As an area the others step back behind those that are named.
    fills = alt.Scale(domain=series, range=[OTHER_FILL if style.series == OTHER else style.color for style in styles])
    color = alt.Color("series:N", scale=inks, legend=None)
    fill = alt.Fill("series:N", scale=fills, legend=None)
    runs = stacked.with_columns(days=pl.col("day").n_unique().over("run"), at=on_day_axis())
    layers: list[alt.Chart] = [
        _rows(runs.filter(pl.col("days") > 1), "at", "run", "series", "low", "high")
        .mark_area(interpolate="linear", stroke=BACKGROUND, strokeWidth=0.8, line=False)
        .encode(x=x, y=y, y2="high", fill=fill, detail="run:N"),
    ]
    lone = runs.filter(pl.col("days") == 1).with_columns(
        at=pl.max_horizontal(pl.col("at") - _HALF_DAY_MS, epoch_ms(first)),
        end=pl.min_horizontal(pl.col("at") + _HALF_DAY_MS, epoch_ms(last)),
    )
    if not lone.is_empty():
        bars = _rows(lone, "at", "end", "series", "low", "high")
        layers.append(bars.mark_rect().encode(x=x, x2="end", y=y, y2="high", fill=fill))
    layers += [
        *end_labels(ends, plot, alt.Y("value:Q", scale=scale, axis=figure_axis(PERCENT_AXIS)), color),
        axis_title("Share of spot volume", x=EDGE - _LEFT, y=-10),
        page_footer(footer, left=_LEFT, y=plot.height + 42),
    ]
    return page(
        layers,
        title=page_title(
            f"{_phrase(spec.segment).capitalize()}: shares of spot volume",
            subtitle,
            width=WIDTH,
            left=_LEFT,
            offset=12,
        ),
        size=(WIDTH, HEIGHT),
        margins=(_LEFT, top, right, bottom),
    )


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


def _subtitle_parts(spec: SharesSpec, span: int, last: str, styles: list[SeriesStyle]) -> list[str]:
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


def _rows(frame: pl.DataFrame, *columns: str) -> alt.Chart:
    """Rows as inline CSV, which costs half of what records do."""
    text = frame.select(pl.col(*columns)).with_columns(pl.col("low", "high").round(4)).write_csv()
    numbers = {name: "string" if name == "series" else "number" for name in columns}
    return alt.Chart(alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=numbers)))
