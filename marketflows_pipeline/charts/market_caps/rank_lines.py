"""Ranks over time: a line a series from place to place, by its change over four weeks, week by week."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.spec import RANK_SPAN, RANK_STEP, RANKED_WEEKS, RanksSpec
from marketflows_pipeline.charts.market_caps.wording import MOSTLY_PRICE, base_phrase
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.axes import value_y
from marketflows_pipeline.charts.style.end_labels import DIRECT_LABELS_MAX, LABEL_SIZE, end_labels, names_width
from marketflows_pipeline.charts.style.frame import Frame, framed
from marketflows_pipeline.charts.style.layout import shorten
from marketflows_pipeline.charts.style.marks import channels_with_named_in_front, csv_chart
from marketflows_pipeline.charts.style.time_axis import epoch_ms, time_x, unbroken_run
from marketflows_pipeline.charts.style.wording import counted, day_text, footer_parts, percent_text

_NAME_MAX = 150


@framed
def rank_chart(frame: pl.DataFrame, spec: RanksSpec) -> alt.LayerChart:
    """Draw the place of each series among all, the first on top; the first twelve of the newest week have names.

    The frame holds the plain curves of one category in dollars: series, ts, value (of the index that starts at 1).
    """
    ranks = weekly_ranks(frame.filter(pl.col("series").is_in([style.series for style in spec.series])), spec.as_of)
    newest = ranks.filter(pl.col("ts") == spec.as_of).sort("rank").head(DIRECT_LABELS_MAX)
    known = {style.series: style for style in spec.series}

    def label(row: dict[str, Any]) -> str:
        name = shorten(known[row["series"]].label, LABEL_SIZE, _NAME_MAX)
        return f"{row['rank']} {name} {percent_text(row['change_pct'])}"

    ends = newest.select(
        "series",
        value=pl.col("rank"),
        text=pl.struct("rank", "series", "change_pct").map_elements(label, return_dtype=pl.String),
    )
    names = set(ends["series"])
    weeks = ranks["ts"].n_unique()
    page = Frame(
        title=_title(ranks, known, spec),
        subtitle=[
            f"Place by change of market cap {base_phrase(spec)} over {RANK_SPAN.days} days",
            f"week by week, {counted(weeks - 1, 'week')} to {day_text(spec.as_of.date())}",
        ],
        footer=footer_parts(spec.source, spec.as_of, [*spec.notes, MOSTLY_PRICE, *_notes(ranks, len(names))]),
        left=48,
        right=names_width(ends),
        below=34,
    )
    last = ranks["rank"].max()
    assert isinstance(last, int)
    # The first place is the highest on the page, so places are drawn below zero.
    plot = page.plot(last + 0.5, 0.5)
    ranked = [style for style in spec.series if style.series in set(ranks["series"])]
    channels = channels_with_named_in_front(ranked, names)
    times = ranks["ts"].unique().sort()
    quiet: dict[str, Any] = {"title": None, "grid": False, "labelOverlap": True, "labelFlush": False}
    axis = alt.Axis(**quiet, values=list(map(epoch_ms, times)), labelExpr="utcFormat(datum.value, '%-d %b')")
    places = alt.Axis(**quiet, domain=False, ticks=False, labelPadding=8, format="d", values=list(range(1, last + 1)))
    x = time_x("ts", times[0], times[-1], axis)
    y = value_y(plot, places)
    run = unbroken_run("series", time="ts", step=RANK_STEP)
    rows = csv_chart(ranks.select("series", pl.col("ts").dt.epoch("ms"), value="rank", run=run))
    is_crowd = last > DIRECT_LABELS_MAX
    return page.draw(
        [
            rows.mark_line(strokeWidth=1.6 if is_crowd else 2.5, interpolate="monotone").encode(
                x=x, y=y, detail="run:N", **channels
            ),
            rows.mark_point(filled=True, size=18 if is_crowd else 60, opacity=1).encode(
                x=x, y=y, color=channels["color"]
            ),
            *end_labels(ends, plot, y, channels["color"]),
            page.value_title("Place"),
        ]
    )


def weekly_ranks(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Place of each series by its change over four weeks, at the newest time and whole weeks before it.

    Args:
        frame: series, ts, value.
        as_of: the newest time.

    Returns:
        series, ts, change_pct, rank (1 the highest; equal changes by name), by series and time.
    """
    weeks = [as_of - week * RANK_STEP for week in range(RANKED_WEEKS + 1)]
    times = pl.DataFrame({"ts": weeks}, schema={"ts": frame.schema["ts"]})
    known = frame.filter(pl.col("value").is_finite(), pl.col("value") > 0).sort("ts")
    pairs = frame.select(pl.col("series").unique().sort()).join(times, how="cross")
    for name, when in (("now", pl.col("ts")), ("before", pl.col("ts") - RANK_SPAN)):
        found = known.select("series", pl.col("ts").alias("at"), pl.col("value").alias(name))
        wanted = pairs.with_columns(at=when).sort("at")
        pairs = wanted.join_asof(found, on="at", by="series", tolerance="1d", check_sortedness=False).drop("at")
    changed = pairs.select("series", "ts", change_pct=100 * (pl.col("now") / pl.col("before") - 1)).drop_nulls()
    return (
        changed.sort("ts", "change_pct", "series", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("ts"))
        .sort("series", "ts")
    )


def _title(ranks: pl.DataFrame, known: dict[str, SeriesStyle], spec: RanksSpec) -> str:
    """Who is first, and who climbed most since the first of the weeks."""
    newest = ranks.filter(pl.col("ts") == pl.col("ts").max())
    leader = known[newest.sort("rank")["series"][0]].label
    first = ranks.filter(pl.col("ts") == pl.col("ts").min()).select("series", before="rank")
    moved = newest.join(first, on="series").with_columns(climbed=pl.col("before") - pl.col("rank"))
    best = moved.sort("climbed", "series", descending=[True, False]).row(0, named=True)
    climbed = best["climbed"]
    told = f"{spec.category}: {leader} leads over {RANK_SPAN.days} days"
    if climbed <= 0:
        return told
    name = known[best["series"]].label
    weeks = ranks["ts"].n_unique() - 1
    whom = "" if name == leader else f"; {name} climbed most"
    return f"{told}{whom}, from place {best['before']} to {best['rank']} in {counted(weeks, 'week')}"


def _notes(ranks: pl.DataFrame, named: int) -> list[str]:
    count = ranks["series"].n_unique()
    return [f"named: the first {named} of {count}; others grey"] if named < count else []
