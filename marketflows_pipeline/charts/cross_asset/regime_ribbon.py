"""Regimes: bands behind the benchmark's close and behind VIX, session by session."""

from __future__ import annotations

from datetime import date, timedelta

import altair as alt
import polars as pl

from marketflows_pipeline.charts.cross_asset.spec import REGIMES, RegimesSpec
from marketflows_pipeline.charts.cross_asset.wording import REGIME_NAMES
from marketflows_pipeline.charts.style.axes import LegendEntry, value_axis, value_y
from marketflows_pipeline.charts.style.broken_lines import LABEL_SIZE, broken_lines, value_label
from marketflows_pipeline.charts.style.colours import var
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.layout import PlotArea, roomy, text_width
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.marks import FILL, blend, records
from marketflows_pipeline.charts.style.theme import OUTLINE
from marketflows_pipeline.charts.style.time_axis import first_and_last, known_run, on_time_axis, time_x
from marketflows_pipeline.charts.style.wording import counted, day_text, share_text, short_day, value_text

# Light enough for a thin line on top; risk-off differs from risk-on in lightness too, not in hue alone.
BANDS = {"risk_on": var("risk-on"), "mixed": var("mixed"), "risk_off": var("risk-off")}

_UPPER_SHARE = 0.62
_BETWEEN = 40
_BAND_ROOM = timedelta(days=1)


@framed
def regimes_chart(frame: pl.DataFrame, spec: RegimesSpec) -> alt.LayerChart:
    """Draw regimes behind the benchmark's close and, below, behind VIX, both over the same sessions.

    A band reaches from its first session to the first of the next band. Sessions without a regime have no band; where
    a close or VIX is missing its line breaks.
    """
    rows = frame.sort("session")
    first, last = first_and_last(rows, "session")
    labels = {column: _last_text(rows, column, last) for column in ("close_usd", "vix")}
    newest = rows.row(-1, named=True)
    page = Frame(
        title=f"Risk regime on {day_text(last)}: {REGIME_NAMES.get(newest['regime'], 'not known')}",
        subtitle=_subtitle(newest, rows.height),
        footer=spec.footer(last, _notes(rows)),
        left=64,
        right=12 + max(text_width(label, LABEL_SIZE, bold=True) for label in labels.values()) + EDGE,
        below=30,
    )
    upper = round((page.plot_height - _BETWEEN) * _UPPER_SHARE)
    lower = upper + _BETWEEN
    bands = regime_bands(rows).with_columns(fill=pl.col("regime").replace_strict(BANDS, return_dtype=pl.String))
    x = time_x("at", first, last + _BAND_ROOM)
    close = f"Close of {spec.benchmark} ({spec.name}), in US dollars (axis does not start at zero)"
    return page.draw(
        [
            panel(_panel_layers(rows, "close_usd", labels["close_usd"], bands, x, place=(0, upper))),
            panel(_panel_layers(rows, "vix", labels["vix"], bands, x, place=(lower, page.plot_height))),
            page.value_title(close),
            page.value_title("VIX at the close, % a year", lower - 10),
            *page.legend(_legend(rows)),
        ]
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
        .select("regime", at=on_time_axis("session"), end=on_time_axis("following"))
    )


def _subtitle(newest: dict[str, object], sessions: int) -> list[str]:
    parts = []
    percentile, score = newest["vix_percentile"], newest["ratio_score"]
    if isinstance(percentile, float):
        parts.append(f"VIX above {value_text(100 * percentile, 0, signed=False)}% of the last 252 sessions")
    if isinstance(score, int | float):
        parts.append(f"ratio pairs {value_text(score, 0, signed=True)}")
    return [*parts, f"last {counted(sessions, 'session')}"]


def _notes(rows: pl.DataFrame) -> list[str]:
    notes = [
        "regime: from VIX's percentile and ratios of risky to safe assets",
        "each session from data up to it alone",
    ]
    without = rows.get_column("regime").null_count()
    if without:
        notes.append(f"{current_look().paper}: no regime yet for {counted(without, 'session')}")
    if rows.get_column("close_usd").null_count() or rows.get_column("vix").null_count():
        notes.append("a line breaks where its figure is missing")
    return [*notes, "a description of the market, not a forecast"]


def _last_text(rows: pl.DataFrame, column: str, last: date) -> str:
    session, value = rows.filter(pl.col(column).is_finite()).select("session", column).row(-1)
    figure = f"${value_text(value, 2, signed=False)}" if column == "close_usd" else value_text(value, 1, signed=False)
    return figure if session == last else f"{figure} ({short_day(session)})"


def _legend(rows: pl.DataFrame) -> list[LegendEntry]:
    """What the bands mean, with the share of sessions of each."""
    known = rows.get_column("regime").drop_nulls()
    return [
        LegendEntry(
            f"{REGIME_NAMES[regime]} {share_text(100 * known.to_list().count(regime) / known.len())}",
            BANDS[regime],
            stroke=OUTLINE,
        )
        for regime in REGIMES
    ]


def _panel_layers(
    rows: pl.DataFrame, column: str, label: str, bands: pl.DataFrame, x: alt.X, *, place: tuple[float, float]
) -> list[alt.Chart]:
    """Bands and the line of one column, between two distances from the top in pixels."""
    top, bottom = place
    drawn = (
        rows.select(
            at=on_time_axis("session"), series=pl.lit(column), value=pl.when(pl.col(column).is_finite()).then(column)
        )
        .with_columns(run=known_run(pl.col("value").is_not_null()))
        .filter(pl.col("value").is_not_null())
    )
    low, high = roomy(drawn["value"], 0.06)
    is_close = column == "close_usd"
    axis = value_axis("'$' + format(datum.value, ',~f')" if is_close else "format(datum.value, '~f')", 5)
    y = value_y(PlotArea(0, bottom - top, low if is_close else 0.0, high, top=top), axis)
    return [
        # Multiplied, so that the grid lines below stay visible.
        records(bands.to_dicts()).mark_rect(y=top, y2=bottom, blend=blend()).encode(x=x, x2="end", color=FILL),
        *broken_lines(drawn, x, y, width=1.3),
        value_label(drawn, label, x, y),
    ]
