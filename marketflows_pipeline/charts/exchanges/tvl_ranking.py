"""Ranking of exchanges by what they hold: a bar an exchange, with its figures beside it."""

from __future__ import annotations

from typing import Any, cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.exchanges.spec import RankingSpec
from marketflows_pipeline.charts.exchanges.wording import UNKNOWN, names_text, share_text, usd_text
from marketflows_pipeline.charts.style.axes import KeyEntry, legend, pixel_y
from marketflows_pipeline.charts.style.days import as_of
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, GRID, INK, PALETTE, REFERENCE, RISE_INK
from marketflows_pipeline.charts.style.wording import footer_parts, percent_text

CLEAN_FILL, OWN_FILL, UNSPLIT_FILL = PALETTE[9], PALETTE[6], REFERENCE
TEXT_SIZE = 12.5

_NAME_MAX = 190
_ROW_MOST = 40
_BAR_SHARE = 0.66
_COLUMN = 76
_HEADER = 24
_TOP_NAMED = 5


@framed
def ranking_chart(frame: pl.DataFrame, spec: RankingSpec) -> alt.LayerChart:
    """Draw the largest exchanges as horizontal bars from zero, 960 x 720 pixels.

    A bar of a centralised exchange is dark for clean assets and light for its own tokens; grey where the two are not
    told apart.

    Args:
        frame: rows of ``mart.exchange_tvl`` of one kind: slug, name, rank, observed_at, tvl_usd, clean_tvl_usd,
            tvl_dominance_pct, change_7d_pct.
        spec: what the picture says.

    Returns:
        A layered chart: bars, names, values at their ends, columns of shares and changes, key, footer.

    """
    measured = frame.filter(pl.col("tvl_usd").is_finite()).sort("tvl_usd", "slug", descending=[True, False])
    # What holds nothing is measured, and has no bar.
    shown = measured.filter(pl.col("tvl_usd") > 0).head(spec.rows)
    subtitle = subtitle_lines(_subtitle_parts(measured, shown, spec), WIDTH)
    footer = footer_lines(footer_parts(spec.source, as_of(shown, "observed_at"), _notes(frame, shown, spec)), WIDTH)

    names = [shorten(name, TEXT_SIZE, _NAME_MAX) for name in shown.get_column("name")]
    values = [usd_text(value) for value in shown.get_column("tvl_usd")]
    left = EDGE + 24 + max(text_width(name, TEXT_SIZE) for name in ("Exchange", *names)) + 10
    # The longest bar's value stands between it and the columns.
    right = EDGE + 2 * _COLUMN + 10 + max(text_width(value, TEXT_SIZE, bold=True) for value in values)
    top = title_height(subtitle) + (32 if spec.kind == "cex" else 2) + _HEADER
    bottom = 18 + footer_height(footer) + EDGE / 2
    height = HEIGHT - top - bottom
    row = min(_ROW_MOST, height / shown.height)

    rows = _rows(shown, names, values, row)
    scale = alt.Scale(domain=[0, _largest(shown)], nice=False, zero=True)
    edge = WIDTH - left - EDGE
    layers = [
        _guides(edge, left, row, shown.height),
        *_bars(rows, scale, row, spec),
        *_texts(rows, left, (edge - _COLUMN, edge), scale),
        *_headers(left, (edge - _COLUMN, edge), spec),
        page_footer(footer, left=left, y=height + 18),
    ]
    if spec.kind == "cex":
        layers += legend(_key(shown), right=edge, y=-_HEADER - 16)
    return page(
        layers,
        title=page_title(_title(spec), subtitle, width=WIDTH, left=left, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(left, top, right, bottom),
    )


def _title(spec: RankingSpec) -> str:
    if spec.kind == "cex":
        return "Centralised exchanges by reserves"
    return "Decentralised exchanges by total value locked"


def _subtitle_parts(measured: pl.DataFrame, shown: pl.DataFrame, spec: RankingSpec) -> list[str]:
    total = float(measured.get_column("tvl_usd").sum())
    what = "What the tracked wallets hold" if spec.kind == "cex" else "Total value locked (TVL)"
    count = f"the {shown.height} largest of " if measured.height > shown.height else ""
    parts = [f"{what}, in US dollars, {count}{measured.height} measured", f"in all {usd_text(total)}"]
    if measured.height > _TOP_NAMED:
        five = float(measured.head(_TOP_NAMED).get_column("tvl_usd").sum())
        parts.append(f"the five largest hold {share_text(100 * five / total)}")
    return parts


def _notes(frame: pl.DataFrame, shown: pl.DataFrame, spec: RankingSpec) -> list[str]:
    notes = ["share: of all that are measured", "7 days: change of the value, prices included"]
    if spec.kind == "cex":
        notes.insert(0, "tracked wallets only: those that DefiLlama knows")
        if shown.get_column("clean_tvl_usd").null_count():
            notes.append("grey: own tokens are not told apart")
    if spec.unmeasured:
        notes.append(f"reserves not known: {names_text(spec.unmeasured)}")
    return [*notes, *spec.notes]


def _largest(shown: pl.DataFrame) -> float:
    return cast("float", shown.get_column("tvl_usd").max())


def _rows(shown: pl.DataFrame, names: list[str], values: list[str], row: float) -> list[dict[str, Any]]:
    """One record a bar: its parts, its texts, and the middle of its row in pixels."""
    records = []
    columns = ("tvl_usd", "clean_tvl_usd", "tvl_dominance_pct", "change_7d_pct")
    for place, (tvl, clean, share, change) in enumerate(shown.select(columns).iter_rows()):
        text = UNKNOWN if change is None else percent_text(change)
        records.append(
            {
                "start": 0.0,
                "end": tvl,
                "clean": None if clean is None else min(clean, tvl),
                "middle": (place + 0.5) * row,
                "rank": f"{place + 1}",
                "name": names[place],
                "value": values[place],
                "share": UNKNOWN if share is None else share_text(share),
                "change": text,
                "ink": RISE_INK if text.startswith("+") else FALL_INK if text.startswith("\u2212") else GREY,
            }
        )
    return records


def _bars(rows: list[dict[str, Any]], scale: alt.Scale, row: float, spec: RankingSpec) -> list[alt.Chart]:
    height = max(2.0, min(24.0, row * _BAR_SHARE))
    whole = CLEAN_FILL if spec.kind == "dex" else UNSPLIT_FILL
    parts = []
    for record in rows:
        middle, tvl, clean = record["middle"], record["end"], record["clean"]
        if spec.kind == "dex" or clean is None:
            parts.append({"start": 0.0, "end": tvl, "middle": middle, "fill": whole})
        else:
            parts.append({"start": 0.0, "end": clean, "middle": middle, "fill": CLEAN_FILL})
            parts.append({"start": clean, "end": tvl, "middle": middle, "fill": OWN_FILL})
    bars: alt.Chart = (
        alt.Chart(alt.InlineData(values=[part for part in parts if part["end"] > part["start"]]))
        .mark_bar(orient="horizontal", height=height)
        .encode(
            x=alt.X("start:Q", scale=scale, axis=None),
            x2="end",
            y=pixel_y("middle"),
            color=alt.Color("fill:N", scale=None),
        )
    )
    return [bars]


def _texts(rows: list[dict[str, Any]], left: float, columns: tuple[float, float], scale: alt.Scale) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=rows))
    y = pixel_y("middle")
    share_x, change_x = columns
    quiet: dict[str, Any] = {"baseline": "middle", "fontSize": TEXT_SIZE}
    ends = alt.X("end:Q", scale=scale, axis=None)
    return [
        base.mark_text(**quiet, align="right", color=GREY, x=EDGE - left + 18).encode(y=y, text="rank:N"),
        base.mark_text(**quiet, align="left", color=INK, x=EDGE - left + 26).encode(y=y, text="name:N"),
        base.mark_text(**quiet, align="left", dx=6, fontWeight="bold", color=INK).encode(x=ends, y=y, text="value:N"),
        base.mark_text(**quiet, align="right", color=GREY, x=share_x).encode(y=y, text="share:N"),
        base.mark_text(**quiet, align="right", x=change_x).encode(
            y=y, text="change:N", color=alt.Color("ink:N", scale=None)
        ),
    ]


def _headers(left: float, columns: tuple[float, float], spec: RankingSpec) -> list[alt.Chart]:
    share_x, change_x = columns
    left_ones = [("Exchange", EDGE - left + 26), ("Reserves" if spec.kind == "cex" else "TVL", 0)]
    right_ones = [("Share", share_x), ("7 days", change_x)]
    base = alt.Chart(alt.InlineData(values=[{}]))
    style: dict[str, Any] = {"y": -10, "baseline": "middle", "fontSize": 12, "color": GREY}
    return [
        *(base.mark_text(text=text, x=x, align="left", **style) for text, x in left_ones),
        *(base.mark_text(text=text, x=x, align="right", **style) for text, x in right_ones),
    ]


def _guides(edge: float, left: float, row: float, count: int) -> alt.Chart:
    """Thin lines under the header and between the rows."""
    lines = [{"middle": place * row} for place in range(count + 1)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=lines))
        .mark_rule(color=GRID, strokeWidth=1, x=EDGE - left, x2=edge)
        .encode(y=pixel_y("middle"))
    )
    return chart


def _key(shown: pl.DataFrame) -> list[KeyEntry]:
    entries = [KeyEntry("without own tokens", CLEAN_FILL), KeyEntry("own tokens", OWN_FILL)]
    if shown.get_column("clean_tvl_usd").null_count():
        entries.append(KeyEntry("not told apart", UNSPLIT_FILL))
    return entries
