"""Reserves of one exchange and, below them, what flowed in and out each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import ReservesSpec
from marketflows_pipeline.charts.exchanges.wording import (
    USD_AXIS,
    day_text,
    days_text,
    flow_sum_text,
    share_text,
    usd_text,
)
from marketflows_pipeline.charts.style.axes import KeyEntry, axis_title, day_axis, day_scale, figure_axis, legend
from marketflows_pipeline.charts.style.days import as_of, first_and_last, on_day_axis, unbroken_run
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.theme import INK, INTO, OUT_OF, REFERENCE
from marketflows_pipeline.charts.style.wording import footer_parts

NO_FLOW_FILL = "#eceef2"

_LEFT = 72
_LABEL_SIZE = 12.5
_UPPER_SHARE = 0.55
_BETWEEN = 46
_DAY_MS = 86_400_000
# Free room on each side of a bar, as a share of its day.
_BAR_ROOM = 0.12
_SUMS_OVER = (7, 30)


@framed
def reserves_chart(frame: pl.DataFrame, spec: ReservesSpec) -> alt.LayerChart:
    """Draw reserves above daily net flows, 960 x 720 pixels.

    A day's record is near its midnight, so its flow is drawn as a bar between the midnight before and its own. A day
    without a flow of its own is shaded over the whole height of the panel, never drawn as zero.

    Args:
        frame: rows of ``mart.exchange_netflow`` of this exchange: day, ts, previous_day, reserves_usd, netflow_mid_usd,
            own_token_share_pct, coverage_pct.
        spec: what the picture says.

    Returns:
        A layered chart of two panels: a line that breaks where a day is missing; bars on an axis symmetric around zero.

    """
    rows = _window(frame, spec.days)
    first, last = first_and_last(rows)
    # The first day's flow is of the day before, where the axis has not begun.
    flows = rows.filter(pl.col("netflow_mid_usd").is_finite(), pl.col("day") > first)
    unknown = _days_without_flow(rows, first, last)

    subtitle = subtitle_lines(_subtitle_parts(rows, first, last), WIDTH)
    footer = footer_lines(footer_parts(spec.source, as_of(rows, "ts"), _notes(spec, flows, unknown)), WIDTH)
    reserves = _line_rows(rows)
    latest = reserves.row(-1, named=True)
    label = usd_text(latest["reserves_usd"])
    right = 12 + text_width(label, _LABEL_SIZE, bold=True) + EDGE
    top = title_height(subtitle) + 32
    bottom = 50 + footer_height(footer)
    width, height = WIDTH - _LEFT - right, HEIGHT - top - bottom
    upper = round((height - _BETWEEN) * _UPPER_SHARE)
    lower = upper + _BETWEEN

    x = alt.X("start:T", scale=day_scale(first, last), axis=day_axis(first, last))
    layers: list[alt.Chart | alt.LayerChart] = [
        panel(_reserve_layers(reserves, label, x, upper)),
        panel(_flow_layers(flows, unknown, x, (lower, height))),
        axis_title(
            f"Reserves of tracked wallets, all tokens, in US dollars{_axis_note(reserves)}", x=EDGE - _LEFT, y=-10
        ),
        axis_title("Net flow of each day, in US dollars", x=EDGE - _LEFT, y=lower - 10),
        *legend(_key(unknown), right=width, y=lower - 17),
        page_footer(footer, left=_LEFT, y=height + 42),
    ]
    return page(
        layers,
        title=page_title(f"{spec.name}: reserves and net flow", subtitle, width=WIDTH, left=_LEFT, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(_LEFT, top, right, bottom),
    )


def _window(frame: pl.DataFrame, days: int) -> pl.DataFrame:
    """Rows of the last days, from the first to the last that has reserves."""
    known = frame.filter(pl.col("reserves_usd").is_finite())
    first, last = first_and_last(known)
    first = max(first, last - timedelta(days=days))
    return frame.filter(pl.col("day").is_between(first, last)).sort("day")


def _line_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Days with reserves: start (ms), reserves_usd, run (of consecutive days), is_lone."""
    return (
        rows.filter(pl.col("reserves_usd").is_finite())
        .select("reserves_usd", run=unbroken_run(), start=on_day_axis())
        .with_columns(is_lone=pl.len().over("run") == 1)
    )


def _days_without_flow(rows: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Days after the first that have no net flow of their own."""
    known = rows.filter(pl.col("netflow_mid_usd").is_finite()).select("day")
    every_day = pl.DataFrame({"day": pl.date_range(first + timedelta(days=1), last, eager=True)})
    return every_day.join(known, on="day", how="anti").sort("day")


def covered_days(rows: pl.DataFrame, last: date, window: int) -> tuple[float | None, int]:
    """Sum of net flows over the last days, and the days it covers; a flow after a gap covers the gap's days too.

    Args:
        rows: day, previous_day, netflow_mid_usd.
        last: the last day.
        window: how many days.
    """
    start = last - timedelta(days=window)
    known = rows.filter(pl.col("day") > start, pl.col("netflow_mid_usd").is_finite())
    if known.is_empty():
        return None, 0
    begin = pl.max_horizontal(pl.col("previous_day").fill_null(pl.col("day") - timedelta(days=1)), pl.lit(start))
    covered = known.select((pl.col("day") - begin).dt.total_days().sum()).item()
    return float(known.get_column("netflow_mid_usd").sum()), int(covered)


def _subtitle_parts(rows: pl.DataFrame, first: date, last: date) -> list[str]:
    sums = [flow_sum_text(*_sum_and_window(rows, last, window)) for window in _SUMS_OVER]
    parts = [f"Daily, {days_text((last - first).days)} to {day_text(last)}", *sums]
    own, covered = _latest(rows, "own_token_share_pct"), _latest(rows, "coverage_pct")
    of_reserves = [
        *([f"own tokens {share_text(own)}"] if own is not None else []),
        *([f"flows cover {share_text(covered)}"] if covered is not None else []),
    ]
    if of_reserves:
        parts.append(f"{', '.join(of_reserves)} of reserves")
    return parts


def _sum_and_window(rows: pl.DataFrame, last: date, window: int) -> tuple[float | None, int, int]:
    flow, covered = covered_days(rows, last, window)
    return flow, window, covered


def _latest(rows: pl.DataFrame, column: str) -> float | None:
    """The figure of the last day that has one; None where none has, or the frame does not carry it."""
    if column not in rows.columns:
        return None
    known = rows.get_column(column).drop_nulls()
    return None if known.is_empty() else float(known.item(-1))


def _notes(spec: ReservesSpec, flows: pl.DataFrame, unknown: pl.DataFrame) -> list[str]:
    notes = [
        "tracked wallets only: those that DefiLlama knows",
        "net flow: change of token quantities at the mean of both days' prices, own tokens left out",
        "reserves move with prices too",
    ]
    if not unknown.is_empty():
        notes.append(f"shaded: no net flow known for {days_text(unknown.height)}")
    spans = flows.select((pl.col("day") - pl.col("previous_day")).dt.total_days().max()).item()
    if spans is not None and spans > 1:
        notes.append("the bar after missing records covers their days too")
    return [*notes, *spec.notes]


def _axis_note(reserves: pl.DataFrame) -> str:
    low, _ = _reserve_domain(reserves)
    return " (axis does not start at zero)" if low > 0 else ""


def _reserve_domain(reserves: pl.DataFrame) -> tuple[float, float]:
    values = reserves.get_column("reserves_usd")
    low, high = cast("float", values.min()), cast("float", values.max())
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    # An axis that would begin near zero begins at zero.
    return (0.0 if low - room < 0.2 * high else low - room), high + room


def _reserve_layers(reserves: pl.DataFrame, label: str, x: alt.X, bottom: float) -> list[alt.Chart]:
    low, high = _reserve_domain(reserves)
    y = alt.Y(
        "reserves_usd:Q",
        scale=alt.Scale(domain=[low, high], range=[bottom, 0], nice=False, zero=False),
        axis=figure_axis(USD_AXIS),
    )
    base = alt.Chart(alt.InlineData(values=reserves.to_dicts()))
    ends = reserves.filter(pl.col("is_lone") | (pl.int_range(pl.len()) == pl.len() - 1))
    dots = alt.Chart(alt.InlineData(values=ends.to_dicts()))
    latest = alt.Chart(alt.InlineData(values=ends.tail(1).to_dicts()))
    return [
        base.mark_line(color=INK, strokeWidth=2, interpolate="linear").encode(x=x, y=y, detail="run:N"),
        dots.mark_point(color=INK, filled=True, opacity=1, size=26).encode(x=x, y=y),
        latest.mark_text(
            text=label, align="left", baseline="middle", dx=8, fontSize=_LABEL_SIZE, fontWeight="bold", color=INK
        ).encode(x=x, y=y),
    ]


def _flow_layers(flows: pl.DataFrame, unknown: pl.DataFrame, x: alt.X, place: tuple[float, float]) -> list[alt.Chart]:
    top, bottom = place
    limit = flow_limit(flows.get_column("netflow_mid_usd"))
    y = alt.Y(
        "netflow_mid_usd:Q",
        scale=alt.Scale(domain=[-limit, limit], range=[bottom, top], nice=False),
        axis=figure_axis(f"datum.value > 0 ? '+' + {USD_AXIS} : {USD_AXIS}", 5),
    )
    room = round(_BAR_ROOM * _DAY_MS)
    bars = flows.select(
        "netflow_mid_usd",
        start=on_day_axis() - _DAY_MS + room,
        end=on_day_axis() - room,
        fill=pl.when(pl.col("netflow_mid_usd") < 0).then(pl.lit(OUT_OF)).otherwise(pl.lit(INTO)),
    )
    layers: list[alt.Chart] = []
    if not unknown.is_empty():
        # One rectangle a run: between two that touch, a hairline would show.
        runs = unknown.with_columns(at=on_day_axis(), run=unbroken_run()).group_by("run", maintain_order=True)
        shaded = runs.agg(start=pl.col("at").min() - _DAY_MS, end=pl.col("at").max())
        layers.append(
            alt.Chart(alt.InlineData(values=shaded.to_dicts()))
            .mark_rect(color=NO_FLOW_FILL, y=top, y2=bottom)
            .encode(x=x, x2="end")
        )
    zero = alt.Chart(alt.InlineData(values=[{"netflow_mid_usd": 0}]))
    layers += [
        alt.Chart(alt.InlineData(values=bars.to_dicts()))
        .mark_bar()
        .encode(x=x, x2="end", y=y, y2=alt.Y2Datum(0), color=alt.Color("fill:N", scale=None)),
        zero.mark_rule(color=REFERENCE, strokeWidth=1.2).encode(y=y),
    ]
    return layers


def flow_limit(flows: pl.Series) -> float:
    """The largest flow in either direction with a little room: where an axis symmetric around zero ends."""
    largest = cast("float | None", flows.drop_nulls().abs().max())
    return 1.06 * largest if largest else 1.0


def _key(unknown: pl.DataFrame) -> Sequence[KeyEntry]:
    entries = [KeyEntry("into the exchange", INTO), KeyEntry("out of it", OUT_OF)]
    if not unknown.is_empty():
        entries.append(KeyEntry("not known", NO_FLOW_FILL, stroke="#c3c8d1"))
    return entries
