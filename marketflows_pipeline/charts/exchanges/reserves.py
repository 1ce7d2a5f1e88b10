"""Reserves of one exchange and, below them, what flowed in and out each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import ReservesSpec
from marketflows_pipeline.charts.exchanges.wording import flow_sum_text
from marketflows_pipeline.charts.style.axes import USD_LABEL, LegendEntry, legend, signed, value_axis, value_y
from marketflows_pipeline.charts.style.broken_lines import LABEL_SIZE, broken_lines, value_label
from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.layout import PlotArea, reach, text_width
from marketflows_pipeline.charts.style.marks import FILL, records, reference_line
from marketflows_pipeline.charts.style.theme import INTO, OUT_OF, OUTLINE
from marketflows_pipeline.charts.style.time_axis import as_of, first_and_last, on_time_axis, time_x, unbroken_run
from marketflows_pipeline.charts.style.wording import counted, day_text, share_text, usd_text

NO_FLOW_FILL = var("unknown")

_UPPER_SHARE = 0.55
_BETWEEN = 46
_DAY_MS = 86_400_000
# Free room on each side of a bar, as a share of its day.
_BAR_ROOM = 0.12
_SUMS_OVER = (7, 30)


@framed
def reserves_chart(frame: pl.DataFrame, spec: ReservesSpec) -> alt.LayerChart:
    """Draw reserves above daily net flows.

    A day's record is near its midnight, so its flow is drawn as a bar between the midnight before and its own. A day
    without a flow of its own is shaded over the whole height of the panel, never drawn as zero.
    """
    rows = _window(frame, spec.days)
    first, last = first_and_last(rows)
    # The first day's flow is of the day before, where the axis has not begun.
    flows = rows.filter(pl.col("netflow_mid_usd").is_finite(), pl.col("day") > first)
    unknown = _days_without_flow(rows, first, last)
    reserves = _line_rows(rows)
    label = usd_text(reserves.item(-1, "value"))
    page = Frame(
        title=f"{spec.name} holds {label} in tracked wallets",
        subtitle=_subtitle(rows, first, last),
        footer=spec.footer(as_of(rows, "ts"), _notes(flows, unknown)),
        left=72,
        right=12 + text_width(label, LABEL_SIZE, bold=True) + EDGE,
        below=32,
    )
    upper = round((page.plot_height - _BETWEEN) * _UPPER_SHARE)
    lower = upper + _BETWEEN
    low, high = _reserve_domain(reserves)
    x, y = time_x("at", first, last), value_y(PlotArea(page.plot_width, upper, low, high), value_axis(USD_LABEL))
    from_zero = "" if low == 0 else " (axis does not start at zero)"
    return page.draw(
        [
            panel([*broken_lines(reserves, x, y), value_label(reserves, label, x, y)]),
            panel(_flow_layers(flows, unknown, x, (lower, page.plot_height))),
            page.value_title(f"Reserves of tracked wallets, all tokens, in US dollars{from_zero}"),
            page.value_title("Net flow of each day, in US dollars", lower - 10),
            *legend(_legend(unknown), right=page.plot_width, y=lower - 17),
        ]
    )


def _window(frame: pl.DataFrame, days: int) -> pl.DataFrame:
    """Rows of the last days, from the first to the last that has reserves."""
    known = frame.filter(pl.col("reserves_usd").is_finite())
    first, last = first_and_last(known)
    first = max(first, last - timedelta(days=days))
    return frame.filter(pl.col("day").is_between(first, last)).sort("day")


def _line_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Days with reserves: series, at (ms), value, run (of consecutive days)."""
    return rows.filter(pl.col("reserves_usd").is_finite()).select(
        series=pl.lit("reserves"), at=on_time_axis("day"), value="reserves_usd", run=unbroken_run()
    )


def _days_without_flow(rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Days after the first that have no net flow of their own."""
    known = rows.filter(pl.col("netflow_mid_usd").is_finite()).select("day")
    every_day = pl.DataFrame({"day": pl.date_range(first + timedelta(days=1), last, eager=True)})
    return every_day.join(known, on="day", how="anti").sort("day")


def covered_days(rows: pl.DataFrame, last: date, window: int) -> tuple[float | None, int]:
    """Sum of net flows over the last days, and the days it covers.

    A flow after a gap covers the gap's days too; one whose gap begins before the window is not the window's.
    """
    start = last - timedelta(days=window)
    begin = pl.col("previous_day").fill_null(pl.col("day") - timedelta(days=1))
    known = rows.filter(begin >= start, pl.col("day") > start, pl.col("netflow_mid_usd").is_finite())
    if known.is_empty():
        return None, 0
    covered = known.select((pl.col("day") - begin).dt.total_days().sum()).item()
    return float(known.get_column("netflow_mid_usd").sum()), int(covered)


def _subtitle(rows: pl.DataFrame, first: date, last: date) -> list[str]:
    parts = [f"Daily, {counted((last - first).days, 'day')} to {day_text(last)}"]
    for window in _SUMS_OVER:
        flow, covered = covered_days(rows, last, window)
        parts.append(flow_sum_text(flow, window, covered))
    of_reserves = []
    for column, what in (("own_token_share_pct", "own tokens"), ("coverage_pct", "flows cover")):
        known = rows.get_column(column).drop_nulls()
        if known.len():
            of_reserves.append(f"{what} {share_text(float(known.item(-1)))}")
    return [*parts, f"{', '.join(of_reserves)} of reserves"] if of_reserves else parts


def _notes(flows: pl.DataFrame, unknown: pl.DataFrame) -> list[str]:
    notes = [
        "tracked wallets only: those that DefiLlama knows",
        "net flow: change of token quantities at the mean of both days' prices, own tokens left out",
        "reserves move with prices too",
    ]
    if not unknown.is_empty():
        notes.append(f"shaded: no net flow known for {counted(unknown.height, 'day')}")
    spans = flows.select((pl.col("day") - pl.col("previous_day")).dt.total_days().max()).item()
    if spans is not None and spans > 1:
        notes.append("the bar after missing records covers their days too")
    return notes


def _reserve_domain(reserves: pl.DataFrame) -> tuple[float, float]:
    low, high = reach(reserves["value"])
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    # An axis that would begin near zero begins at zero.
    return (0.0 if low - room < 0.2 * high else low - room), high + room


def _flow_layers(flows: pl.DataFrame, unknown: pl.DataFrame, x: alt.X, place: tuple[float, float]) -> list[alt.Chart]:
    top, bottom = place
    limit = flow_limit(flows.get_column("netflow_mid_usd"))
    area = PlotArea(0, bottom - top, -limit, limit, top=top)
    y = value_y(area, value_axis(signed(USD_LABEL), 5), "netflow_mid_usd")
    room = round(_BAR_ROOM * _DAY_MS)
    bars = flows.select(
        "netflow_mid_usd",
        at=on_time_axis("day") - _DAY_MS + room,
        end=on_time_axis("day") - room,
        fill=pl.when(pl.col("netflow_mid_usd") < 0).then(pl.lit(OUT_OF)).otherwise(pl.lit(INTO)),
    )
    layers = [
        records(bars.to_dicts()).mark_bar().encode(x=x, x2="end", y=y, y2=alt.Y2Datum(0), color=FILL),
        reference_line("netflow_mid_usd", 0).encode(y=y),
    ]
    if unknown.is_empty():
        return layers
    # One rectangle a run: between two that touch, a hairline would show.
    runs = unknown.with_columns(moment=on_time_axis("day"), run=unbroken_run()).group_by("run", maintain_order=True)
    shaded = runs.agg(at=pl.col("moment").min() - _DAY_MS, end=pl.col("moment").max())
    return [records(shaded.to_dicts()).mark_rect(color=NO_FLOW_FILL, y=top, y2=bottom).encode(x=x, x2="end"), *layers]


def flow_limit(flows: pl.Series) -> float:
    """The largest flow in either direction with a little room: where an axis symmetric around zero ends."""
    return 1.06 * max(flows.drop_nulls().abs(), default=0.0) or 1.0


def _legend(unknown: pl.DataFrame) -> Sequence[LegendEntry]:
    entries = [LegendEntry("into the exchange", INTO), LegendEntry("out of it", OUT_OF)]
    if not unknown.is_empty():
        entries.append(LegendEntry("not known", NO_FLOW_FILL, stroke=OUTLINE))
    return entries
