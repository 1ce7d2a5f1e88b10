"""Ranking of flows: a bar an asset, to the right for money that came in and to the left for money that went out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import ISSUANCE, FlowRankingSpec
from marketflows_pipeline.charts.cross_asset.wording import (
    PROXY_OF_ISSUANCE,
    flows_text,
    known_text,
    left_out_notes,
    percent_of_cap_text,
    session_footer,
    sessions_text,
)
from marketflows_pipeline.charts.exchanges.wording import UNKNOWN, names_text, usd_text
from marketflows_pipeline.charts.style.axes import KeyEntry, key_width, legend, pixel_x, pixel_y
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import (
    BACKGROUND,
    FALL_INK,
    GREY,
    GRID,
    INK,
    INTO,
    OUT_OF,
    REFERENCE,
    RISE_INK,
    )

TEXT_SIZE = 12.5
RANKED, ISSUED, NOT_KNOWN = "ranked", "issuance, not ranked", "flow unknown"

_SMALL = 11.0
_NAME_MAX = 180
_ROW_MOST = 46
_BAR_SHARE = 0.58
_COLUMN = 104
_HEADER = 24
# Between the end of a bar and its value.
_BESIDE = 6


@dataclass(frozen=True)
class _Plot:
    """Pixel geometry: zero in the middle, so that equal flows in and out are equally long."""

    width: float
    reach: float
    limit: float
    row: float

    @property
    def zero(self) -> float:
        return self.width / 2

    def x(self, flow: float) -> float:
        return self.zero + flow / self.limit * self.reach


@framed
def flow_ranking_chart(frame: pl.DataFrame, spec: FlowRankingSpec) -> alt.LayerChart:
    """Draw the flows of one window as horizontal bars, 960 x 720 pixels, on an axis symmetric around zero.

    Ranked funds come first, the largest inflow on top; below them issuance of coins as hollow bars, then the assets
    whose flow is not known, without any bar.

    Args:
        frame: rows of ``mart.flow_rankings`` of one window: symbol, name, session, flow_method, flow_usd,
            sessions_known, flow_pct_of_market_cap.
        spec: what the picture says.

    Returns:
        A layered chart: bars, names, values at their ends, a column of flows against market caps, key, footer.

    """
    ordered = grouped(frame)
    shown = _shortened(ordered, spec.rows)
    session = cast("date", frame.get_column("session").max())
    subtitle = subtitle_lines(_subtitle_parts(ordered, spec, session), WIDTH)
    footer = footer_lines(session_footer(spec.source, session, _notes(ordered, shown, spec)), WIDTH)

    texts = _texts(shown, spec.window_sessions)
    named = [text_width(record["symbol"], TEXT_SIZE, bold=True) for record in texts]
    described = [text_width(record["name"], _SMALL) for record in texts]
    left = EDGE + max(*named, *described, 40) + 12
    right = EDGE + _COLUMN
    top = title_height(subtitle) + 32 + _HEADER
    bottom = 18 + footer_height(footer) + EDGE / 2
    height = HEIGHT - top - bottom
    width, limit = WIDTH - left - right, flow_limit(shown)
    plot = _Plot(width, bar_reach(texts, limit, width / 2), limit, min(_ROW_MOST, height / shown.height))

    records = [{**record, **_place(record, position, plot)} for position, record in enumerate(texts)]
    key = _key(records)
    layers = [
        _guides(records, left, plot),
        *_bars(records, plot),
        *_labels(records, left, plot),
        *_headers(left, plot),
        *legend(key, right=max(plot.width + _COLUMN, key_width(key) - left + EDGE), y=-_HEADER - 16),
        page_footer(footer, left=left, y=height + 18),
    ]
    return page(
        layers,
        title=page_title(_title(spec), subtitle, width=WIDTH, left=left, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(left, top, right, bottom),
    )


def grouped(frame: pl.DataFrame) -> pl.DataFrame:
    """All assets with their group, in the order they are drawn.

    Returns:
        symbol, name, flow_usd, sessions_known, flow_pct_of_market_cap, group; a flow that is not known is null.
    """
    places = pl.DataFrame({"group": [RANKED, ISSUED, NOT_KNOWN], "place": [0, 1, 2]})
    is_known = pl.col("flow_usd").is_finite().fill_null(value=False)
    group = (
        pl.when(~is_known)
        .then(pl.lit(NOT_KNOWN))
        .when(pl.col("flow_method") == ISSUANCE)
        .then(pl.lit(ISSUED))
        .otherwise(pl.lit(RANKED))
    )
    return (
        frame.with_columns(group=group, flow_usd=pl.when(is_known).then(pl.col("flow_usd")))
        .join(places, on="group")
        .sort("place", "flow_usd", "symbol", descending=[False, True, False])
        .select("symbol", "name", "flow_usd", "sessions_known", "flow_pct_of_market_cap", "group")
    )


def flow_limit(shown: pl.DataFrame) -> float:
    """The largest flow in either direction: where an axis symmetric around zero ends; 1 where none is above 0."""
    return cast("float | None", shown.get_column("flow_usd").abs().max()) or 1.0


def bar_reach(texts: list[dict[str, Any]], limit: float, half: float) -> float:
    """Length in pixels of a bar of ``limit``: the largest that leaves room for the text at the end of every bar.

    Args:
        texts: flow and value of each row.
        limit: the largest flow either way.
        half: room on each side of zero.
    """
    reaches = [
        (half - _BESIDE - 4 - text_width(record["value"], TEXT_SIZE, bold=True)) * limit / abs(record["flow"])
        for record in texts
        if record["flow"]
    ]
    return float(max(0.0, min([half - _BESIDE, *reaches])))


def _shortened(ordered: pl.DataFrame, most: int) -> pl.DataFrame:
    """The rows that find room: of ranked ones those with the largest flows either way, before anything else."""
    if ordered.height <= most:
        return ordered
    kept = (
        ordered.with_row_index("drawn")
        .sort(pl.col("group") != RANKED, pl.col("flow_usd").abs(), descending=[False, True], nulls_last=True)
        .head(most)
        .sort("drawn")
    )
    return kept.drop("drawn")


def _title(spec: FlowRankingSpec) -> str:
    is_one = spec.window_sessions == 1
    span = "in the newest session" if is_one else f"over the last {sessions_text(spec.window_sessions)}"
    return f"Where money went {span}"


def _subtitle_parts(ordered: pl.DataFrame, spec: FlowRankingSpec, session: date) -> list[str]:
    ranked = ordered.filter(pl.col("group") == RANKED).get_column("flow_usd")
    parts = [f"{flows_text(spec.window_sessions, session)}, in US dollars"]
    if ranked.len():
        inflow, outflow = float(ranked.clip(0, None).sum()), float(ranked.clip(None, 0).sum())
        parts.append(f"into funds {usd_text(inflow, signed=True)}, out of funds {usd_text(outflow, signed=True)}")
    return parts


def _notes(ordered: pl.DataFrame, shown: pl.DataFrame, spec: FlowRankingSpec) -> list[str]:
    notes = ["flow: change of shares outstanding at their price", "% of the market cap before the window"]
    if (shown.get_column("group") == ISSUED).any():
        notes.append(f"hollow: new coins at their price; {PROXY_OF_ISSUANCE}")
    if (shown.get_column("group") == NOT_KNOWN).any():
        notes.append("flow unknown: no share count is published, and none is guessed from price or volume")
    partly = shown.filter(pl.col("flow_usd").is_not_null(), pl.col("sessions_known") < spec.window_sessions)
    if not partly.is_empty():
        notes.append("(n of m): sessions in the sum")
    absent = ordered.join(shown, on="symbol", how="anti", maintain_order="left")
    smaller, issued, unknown = (
        absent.filter(pl.col("group") == group).get_column("symbol").to_list() for group in (RANKED, ISSUED, NOT_KNOWN)
    )
    if smaller:
        notes.append(f"smaller, not drawn: {names_text(smaller)}")
    return [*notes, *left_out_notes(unknown, issued), *spec.notes]


def _texts(shown: pl.DataFrame, window: int) -> list[dict[str, Any]]:
    """One record an asset: its group, its flow and what is written about it."""
    records = []
    columns = ("symbol", "name", "flow_usd", "sessions_known", "flow_pct_of_market_cap", "group")
    for symbol, name, flow, known, share, group in shown.select(columns).iter_rows():
        if group == NOT_KNOWN:
            value, of_cap = NOT_KNOWN, UNKNOWN
        else:
            suffix = f", {ISSUED}" if group == ISSUED else ""
            value = f"{usd_text(flow, signed=True)}{known_text(known, window)}{suffix}"
            of_cap = UNKNOWN if share is None else percent_of_cap_text(share)
        ink = GREY if group != RANKED or flow == 0 else RISE_INK if flow > 0 else FALL_INK
        records.append(
            {
                "symbol": symbol,
                "name": "" if name == symbol else shorten(name, _SMALL, _NAME_MAX),
                "group": group,
                "flow": flow,
                "value": value,
                "of_cap": of_cap,
                "ink": ink,
                "symbol_ink": INK if group == RANKED else GREY,
            }
        )
    return records


def _place(record: dict[str, Any], position: int, plot: _Plot) -> dict[str, float | bool]:
    """Where a record's bar and value stand, in pixels."""
    middle = (position + 0.5) * plot.row
    two_lines = plot.row >= 28 and bool(record["name"])
    shift = 7 if two_lines else 0
    flow = record["flow"] or 0.0
    is_right = flow >= 0
    end = plot.x(flow)
    return {
        "middle": middle,
        "symbol_y": middle - shift,
        "name_y": middle + shift,
        "start": plot.zero,
        "end": end,
        "is_right": is_right,
        "text_x": max(end, plot.zero) + _BESIDE if is_right else end - _BESIDE,
        "has_name": two_lines,
    }


def _bars(records: list[dict[str, Any]], plot: _Plot) -> list[alt.Chart]:
    height = max(3.0, min(24.0, plot.row * _BAR_SHARE))
    layers = [
        alt.Chart(alt.InlineData(values=[{"zero": plot.zero}]))
        .mark_rule(color=REFERENCE, strokeWidth=1.2, y=0, y2=len(records) * plot.row)
        .encode(x=pixel_x("zero"))
    ]
    styles: tuple[tuple[str, dict[str, Any]], ...] = (
        (RANKED, {"strokeWidth": 0}),
        (ISSUED, {"fill": BACKGROUND, "strokeWidth": 1.4}),
    )
    for group, style in styles:
        bars = [
            {
                "start": min(record["start"], record["end"]),
                "end": max(record["start"], record["end"]),
                "top": record["middle"] - height / 2,
                "bottom": record["middle"] + height / 2,
                "flow": record["flow"],
                "fill": INTO if record["flow"] > 0 else OUT_OF,
            }
            for record in records
            if record["group"] == group and record["flow"]
        ]
        if bars:
            # A hollow bar is nothing but its outline.
            color: dict[str, Any] = (
                {"fill": alt.Fill("fill:N", scale=None)}
                if group == RANKED
                else {"stroke": alt.Stroke("fill:N", scale=None)}
            )
            layers.append(
                alt.Chart(alt.InlineData(values=bars))
                .mark_rect(**style)
                .encode(x=pixel_x("start"), x2="end", y=pixel_y("top"), y2="bottom", **color)
            )
    return layers


def _labels(records: list[dict[str, Any]], left: float, plot: _Plot) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=records))
    quiet: dict[str, Any] = {"baseline": "middle", "fontSize": TEXT_SIZE}
    layers = [
        base.mark_text(**quiet, align="left", fontWeight="bold", x=EDGE - left).encode(
            y=pixel_y("symbol_y"), text="symbol:N", color=alt.Color("symbol_ink:N", scale=None)
        ),
        base.mark_text(**quiet, align="right", color=GREY, x=plot.width + _COLUMN).encode(
            y=pixel_y("middle"), text="of_cap:N"
        ),
    ]
    described = [record for record in records if record["has_name"]]
    if described:
        layers.append(
            alt.Chart(alt.InlineData(values=described))
            .mark_text(baseline="middle", align="left", fontSize=_SMALL, color=GREY, x=EDGE - left)
            .encode(y=pixel_y("name_y"), text="name:N")
        )
    sides: tuple[tuple[bool, Any], ...] = ((True, "left"), (False, "right"))
    weights: tuple[tuple[bool, Any], ...] = ((True, "bold"), (False, "normal"))
    for is_right, align in sides:
        values = [record for record in records if record["is_right"] == is_right]
        for is_ranked, weight in weights:
            some = [record for record in values if (record["group"] == RANKED) == is_ranked]
            if some:
                layers.append(
                    alt.Chart(alt.InlineData(values=some))
                    .mark_text(**quiet, align=align, fontWeight=weight)
                    .encode(
                        x=pixel_x("text_x"),
                        y=pixel_y("middle"),
                        text="value:N",
                        color=alt.Color("ink:N", scale=None),
                    )
                )
    return layers


def _headers(left: float, plot: _Plot) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=[{}]))
    style: dict[str, Any] = {"y": -11, "baseline": "middle", "fontSize": 12, "color": GREY}
    return [
        base.mark_text(text="Asset", x=EDGE - left, align="left", **style),
        base.mark_text(text="\u2190 out", x=plot.zero - 10, align="right", **style),
        base.mark_text(text="in \u2192", x=plot.zero + 10, align="left", **style),
        base.mark_text(text="% of market cap", x=plot.width + _COLUMN, align="right", **style),
    ]


def _guides(records: list[dict[str, Any]], left: float, plot: _Plot) -> alt.Chart:
    """Thin lines between the rows, stronger ones where a group begins."""
    lines = []
    for position in range(len(records) + 1):
        is_first = 0 < position < len(records) and records[position]["group"] != records[position - 1]["group"]
        lines.append({"line_y": position * plot.row, "stroke": REFERENCE if is_first else GRID})
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=lines))
        .mark_rule(strokeWidth=1, x=EDGE - left, x2=plot.width + _COLUMN)
        .encode(y=pixel_y("line_y"), color=alt.Color("stroke:N", scale=None))
    )
    return chart


def _key(records: list[dict[str, Any]]) -> list[KeyEntry]:
    entries = [KeyEntry("net inflow", INTO), KeyEntry("net outflow", OUT_OF)]
    if any(record["group"] == ISSUED for record in records):
        entries.append(KeyEntry("issuance of coins", BACKGROUND, stroke=INTO))
    return entries
