"""Regimes: bands behind the benchmark's close and behind VIX, session by session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import REGIMES, RegimesSpec
from marketflows_pipeline.charts.cross_asset.wording import REGIME_NAMES, session_footer, sessions_text
from marketflows_pipeline.charts.exchanges.wording import day_text, share_text
from marketflows_pipeline.charts.style.axes import KeyEntry, axis_title, figure_axis, legend
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.session_axis import known_run, on_session_axis, session_x
from marketflows_pipeline.charts.style.theme import INK
from marketflows_pipeline.charts.style.wording import value_text

# Light enough for a thin line on top; risk-off differs from risk-on in lightness too, not in hue alone.
BANDS = {"risk_on": "#cfe3f3", "mixed": "#eef0f3", "risk_off": "#f5c9a6"}
UNKNOWN_BAND = "#ffffff"

_LEFT = 64
_LABEL_SIZE = 12.5
_UPPER_SHARE = 0.62
_BETWEEN = 40
_BAND_ROOM = timedelta(days=1)


@dataclass(frozen=True)
class _Panel:
    """One of the two: what it shows, the text at its line's end, and where it stands in pixels."""

    column: str
    label: str
    top: float
    bottom: float


@framed
def regimes_chart(frame: pl.DataFrame, spec: RegimesSpec) -> alt.LayerChart:
    """Draw regimes behind the benchmark's close and, below, behind VIX, 960 x 720 pixels, both over the same sessions.

    A band reaches from its first session to the first of the next band. Sessions without a regime have no band; where
    a close or VIX is missing its line breaks.

    Args:
        frame: session, close_usd (of the benchmark), vix, vix_percentile, ratio_score, regime.
        spec: what the picture says.

    Returns:
        A layered chart of two panels: bands and a thin line in each, labels with the last values, key, footer.

    """
    rows = frame.sort("session").tail(spec.sessions)
    first, last = cast("date", rows.item(0, "session")), cast("date", rows.item(-1, "session"))
    bands = regime_bands(rows)

    subtitle = subtitle_lines(_subtitle_parts(rows, last), WIDTH)
    footer = footer_lines(session_footer(spec.source, last, _notes(rows, spec)), WIDTH)
    labels = {column: _last_text(rows, column, last) for column in ("close_usd", "vix")}
    right = 12 + max(text_width(label, _LABEL_SIZE, bold=True) for label in labels.values()) + EDGE
    top = title_height(subtitle) + 32
    bottom = 40 + footer_height(footer)
    width, height = WIDTH - _LEFT - right, HEIGHT - top - bottom
    upper = round((height - _BETWEEN) * _UPPER_SHARE)
    lower = upper + _BETWEEN

    x = session_x("at", first, last + _BAND_ROOM)
    close = f"Close of {spec.benchmark} ({spec.name}), in US dollars (axis does not start at zero)"
    layers: list[alt.Chart | alt.LayerChart] = [
        panel(_panel_layers(rows, bands, _Panel("close_usd", labels["close_usd"], 0, upper), x)),
        panel(_panel_layers(rows, bands, _Panel("vix", labels["vix"], lower, height), x)),
        axis_title(close, x=EDGE - _LEFT, y=-10),
        axis_title("VIX at the close, % a year", x=EDGE - _LEFT, y=lower - 10),
        *legend(_key(rows), right=width + right - EDGE, y=-17),
        page_footer(footer, left=_LEFT, y=height + 30),
    ]
    return page(
        layers,
        title=page_title(f"Risk regimes, {spec.benchmark} and VIX", subtitle, width=WIDTH, left=_LEFT, offset=12),
        size=(WIDTH, HEIGHT),
        margins=(_LEFT, top, right, bottom),
    )


def regime_bands(rows: pl.DataFrame) -> pl.DataFrame:
    """Stretches of sessions with one regime.

    Args:
        rows: session, regime, by session.

    Returns:
        regime, at and end (ms): one row a stretch; a stretch without a regime has none. The last ends a day after its
        last session.
    """
    following = pl.col("session").shift(-1).fill_null(pl.col("session") + _BAND_ROOM)
    return (
        rows.with_columns(stretch=pl.col("regime").rle_id(), following=following)
        .group_by("stretch", maintain_order=True)
        .agg(pl.col("regime").first(), pl.col("session").first(), pl.col("following").last())
        .filter(pl.col("regime").is_in(REGIMES))
        .select("regime", at=on_session_axis(), end=on_session_axis("following"))
    )


def _subtitle_parts(rows: pl.DataFrame, last: date) -> list[str]:
    newest = rows.row(-1, named=True)
    regime = REGIME_NAMES.get(newest["regime"], "not known")
    details = []
    if newest["vix_percentile"] is not None:
        lower = value_text(100 * newest["vix_percentile"], 0, signed=False)
        details.append(f"VIX above {lower}% of the last 252 sessions")
    if newest["ratio_score"] is not None:
        details.append(f"ratio pairs {value_text(newest['ratio_score'], 0, signed=True)}")
    why = f" ({', '.join(details)})" if details else ""
    return [f"{day_text(last)}: {regime}{why}", f"last {sessions_text(rows.height)}"]


def _notes(rows: pl.DataFrame, spec: RegimesSpec) -> list[str]:
    notes = [
        "regime: from VIX's percentile and ratios of risky to safe assets",
        "each session from data up to it alone",
    ]
    without = rows.get_column("regime").null_count()
    if without:
        notes.append(f"white: no regime yet for {sessions_text(without)}")
    if rows.get_column("close_usd").null_count() or rows.get_column("vix").null_count():
        notes.append("a line breaks where its figure is missing")
    return [*notes, "a description of the market, not a forecast", *spec.notes]


def _last_text(rows: pl.DataFrame, column: str, last: date) -> str:
    session, value = rows.filter(pl.col(column).is_finite()).select("session", column).row(-1)
    figure = f"${value_text(value, 2, signed=False)}" if column == "close_usd" else value_text(value, 1, signed=False)
    return figure if session == last else f"{figure} ({session.day} {session:%b})"


def _key(rows: pl.DataFrame) -> list[KeyEntry]:
    """What the bands mean, with the share of sessions of each."""
    known = rows.get_column("regime").drop_nulls()
    return [
        KeyEntry(
            f"{REGIME_NAMES[regime]} {share_text(100 * known.to_list().count(regime) / known.len())}",
            BANDS[regime],
            stroke="#c3c8d1",
        )
        for regime in REGIMES
    ]


def _panel_layers(rows: pl.DataFrame, bands: pl.DataFrame, place: _Panel, x: alt.X) -> list[alt.Chart]:
    column, top, bottom = place.column, place.top, place.bottom
    known = rows.select(
        "session", value=pl.when(pl.col(column).is_finite()).then(pl.col(column)), at=on_session_axis()
    ).with_columns(run=known_run(pl.col("value").is_not_null()))
    drawn = known.filter(pl.col("value").is_not_null())
    low, high = cast("float", drawn.get_column("value").min()), cast("float", drawn.get_column("value").max())
    room = 0.06 * (high - low) or 1.0
    floor = low - room if column == "close_usd" else 0.0
    scale = alt.Scale(domain=[floor, high + room], range=[bottom, top], nice=False, zero=False)
    axis = figure_axis("'$' + format(datum.value, ',~f')" if column == "close_usd" else "format(datum.value, '~f')", 5)
    y = alt.Y("value:Q", scale=scale, axis=axis)
    shaded = [{**band, "fill": BANDS[band["regime"]]} for band in bands.to_dicts()]
    ends = drawn.filter((pl.len().over("run") == 1) | (pl.int_range(pl.len()) == pl.len() - 1))
    text = drawn.select("at", "run", pl.col("value").round_sig_figs(7)).write_csv()
    parse = {"at": "number", "run": "number", "value": "number"}
    lines = alt.Chart(alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=parse)))
    dots = alt.Chart(alt.InlineData(values=ends.select("at", "value").to_dicts()))
    latest = alt.Chart(alt.InlineData(values=ends.select("at", "value").tail(1).to_dicts()))
    return [
        # Multiplied, so that the grid lines below stay visible.
        alt.Chart(alt.InlineData(values=shaded))
        .mark_rect(y=top, y2=bottom, blend="multiply")
        .encode(x=x, x2="end", color=alt.Color("fill:N", scale=None)),
        lines.mark_line(color=INK, strokeWidth=1.3, interpolate="linear", strokeJoin="round").encode(
            x=x, y=y, detail="run:N"
        ),
        dots.mark_point(color=INK, filled=True, opacity=1, size=22).encode(x=x, y=y),
        latest.mark_text(
            text=place.label, align="left", baseline="middle", dx=8, fontSize=_LABEL_SIZE, fontWeight="bold", color=INK
        ).encode(x=x, y=y),
    ]
