"""Gains of a category in every base side by side: a row a series, a group of columns a base."""

from __future__ import annotations

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.gain_table import (
    LABEL_SIZE,
    cell_notes,
    column_axis,
    gain_cell,
    row_order,
    sort_column,
    standings,
    table_cells,
)
from marketflows_pipeline.charts.market_caps.spec import GainMatrixSpec
from marketflows_pipeline.charts.market_caps.wording import (
    COUNTED_WHERE_THEY_ARE,
    MOSTLY_PRICE,
    hours_text,
    table_title,
)
from marketflows_pipeline.charts.spec import US_DOLLAR
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed, panel
from marketflows_pipeline.charts.style.heatmap import Heatmap
from marketflows_pipeline.charts.style.layout import shorten, text_width
from marketflows_pipeline.charts.style.look import current_look
from marketflows_pipeline.charts.style.marks import note
from marketflows_pipeline.charts.style.theme import INK
from marketflows_pipeline.charts.style.wording import footer_parts

ROWS_MOST = 24
_LABEL_MAX = 150
_CELL_WIDTH_MAX, _CELL_WIDTH_MIN = 92, 56
_CELL_HEIGHT, _TIGHT_HEIGHT, _TIGHT_FROM = 34, 24, 16
_BETWEEN = 16
_TEXT_SIZE = 12


@framed
def gain_matrix(frame: pl.DataFrame, spec: GainMatrixSpec) -> alt.LayerChart:
    """Draw gains in every base with the rows in one order, that of the first base; as high as the rows need.

    The shortest offsets are left out where not all have room; the tables of one base have them.

    The frame holds rows of ``mart.percent_gains`` of one category.
    """
    limits = dict(zip(sorted(spec.hours_ago), spec.limits, strict=True))
    every = {base: table_cells(frame.filter(base_asset=base), spec) for base, _ in spec.bases}
    main = every[spec.base_asset]
    labels = {style.series: shorten(style.label, LABEL_SIZE, _LABEL_MAX) for style in spec.series}
    known = main.drop_nulls("gain_pct")
    rows = [name for name in row_order(main, sort_column(main), spec) if name in set(known["series"])][:ROWS_MOST]
    left = EDGE + max(text_width(labels[name], LABEL_SIZE) for name in rows) + 12
    room = current_look().width - left - EDGE - _BETWEEN * (len(spec.bases) - 1)
    offsets = known["hours_ago"].unique().sort().to_list()
    offsets = offsets[-max(1, int(room / len(spec.bases) / _CELL_WIDTH_MIN)) :]
    sort_hours = sort_column(main)
    wide = min(_CELL_WIDTH_MAX, room / len(spec.bases) / len(offsets))
    high = _CELL_HEIGHT if len(rows) < _TIGHT_FROM else _TIGHT_HEIGHT
    cells = {base: found.filter(pl.col("hours_ago").is_in(offsets)) for base, found in every.items()}
    order = f"the largest first; {COUNTED_WHERE_THEY_ARE}" if spec.is_by_size else f"sorted by {hours_text(sort_hours)}"
    page = Frame(
        title=table_title(spec, standings(main, sort_hours, labels), sort_hours, "in every base"),
        subtitle=[f"Change of market cap over each span, {order}", "colour as in the tables of one base"],
        footer=footer_parts(
            spec.source, spec.as_of, [*spec.notes, MOSTLY_PRICE, *_notes(cells[spec.base_asset], known, rows, offsets)]
        ),
        left=left,
        above=58,
        below=16,
    ).around(high * len(rows))
    layers: list[alt.Chart | alt.LayerChart] = []
    for place, (base, label) in enumerate(spec.bases):
        grid = Heatmap(
            rows, [hours_text(hours) for hours in offsets], wide, high, left=place * (wide * len(offsets) + _BETWEEN)
        )
        shown = cells[base].filter(pl.col("series").is_in(rows)).select("series", "hours_ago", "gain_pct")
        drawn = [gain_cell(series, hours, gain, limits[hours]) for series, hours, gain in shown.iter_rows()]
        sorted_by = hours_text(sort_hours) if base == spec.base_asset and not spec.is_by_size else None
        layers.append(panel(grid.draw(drawn, text_size=_TEXT_SIZE, column_axis=column_axis(sorted_by))))
        phrase = "In US dollars" if base == US_DOLLAR else f"Against {label}"
        layers.append(note(phrase, x=grid.left, y=-36, fontSize=LABEL_SIZE, fontWeight="bold", color=INK))
    names = {name: (labels[name], INK) for name in rows}
    return page.draw(
        [*layers, grid.labels("row", names, align="right", x=-10, fontSize=LABEL_SIZE)], independent=("x",)
    )


def _notes(cells: pl.DataFrame, known: pl.DataFrame, rows: list[str], offsets: list[float]) -> list[str]:
    notes = cell_notes(cells)
    shorter = [hours_text(hours) for hours in known["hours_ago"].unique().sort() if hours not in offsets]
    if shorter:
        notes.append(f"{', '.join(shorter)}: in the tables of one base")
    count = known["series"].n_unique()
    if count > len(rows):
        notes.append(f"the first {len(rows)} of {count} series")
    return notes
