"""Migration matrix: a row for each range that coins left, a column for each they went to."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import polars as pl

from marketflows_pipeline.charts.market_caps.spec import MigrationSpec
from marketflows_pipeline.charts.style.diverging_colours import fill_and_ink
from marketflows_pipeline.charts.style.frame import EDGE, Frame, framed
from marketflows_pipeline.charts.style.heatmap import EMPTY_FILL, Cell, Heatmap
from marketflows_pipeline.charts.style.layout import text_width
from marketflows_pipeline.charts.style.marks import note
from marketflows_pipeline.charts.style.theme import FALL_INK, GREY, GRID, INK, RISE_INK
from marketflows_pipeline.charts.style.wording import counted, day_text, usd_text

OUTSIDE = ""
OUTSIDE_LABEL = "below or not listed"
LABEL_SIZE = 12.5

_HEADER, _NET_WIDTH = 46, 92
_CELL_HEIGHT = 58
# Small crossings stay visible beside large ones: the root, and at least this much colour.
_LEAST_COLOUR = 0.15


@framed
def migration_chart(frame: pl.DataFrame, spec: MigrationSpec) -> alt.LayerChart:
    """Draw what crossed from each range to each other; the net of each range stands beside its name.

    Blue goes to a larger range, orange to a smaller one or out of all. A coin counts once, at its market cap after, a
    delisted one at its last. In the frame from_range and to_range are null outside of all ranges.
    """
    pairs = {
        (start or OUTSIDE, end or OUTSIDE): (crossed, count)
        for start, end, crossed, count in frame.select(spec.columns).iter_rows()
    }
    known = {OUTSIDE: OUTSIDE_LABEL, **dict(spec.ranges)}
    # A range of older settings has no label.
    labels = {**known, **{name: name for pair in pairs for name in pair if name not in known}}
    names = {name: (label, GREY if name == OUTSIDE else INK) for name, label in labels.items()}
    order = list(labels)[::-1]
    page = Frame(
        title=_title(pairs, labels, spec),
        subtitle=[
            f"Market caps of coins in another range than {counted(spec.days, 'day')} before, {day_text(spec.as_of)}",
            "blue: to a larger range, orange: to a smaller one or out of all",
        ],
        footer=spec.footer(
            spec.as_of,
            [
                "each coin at its market cap after, a delisted one at its last",
                "its own move stays with the range it came from",
                "net: arrivals less departures; no figure is money that moved",
            ],
        ),
        left=EDGE + max(text_width(label, LABEL_SIZE, bold=True) for label in labels.values()) + _NET_WIDTH,
        above=_HEADER + 12,
    ).around(_CELL_HEIGHT * len(order))
    grid = Heatmap(order, order, page.plot_width / len(order), _CELL_HEIGHT)
    return page.draw(
        [
            *grid.draw(_cells(pairs, order)),
            grid.labels("row", names, align="left", x=page.edge, fontSize=LABEL_SIZE, fontWeight="bold"),
            grid.labels("row", _nets(pairs), align="right", x=-12, fontSize=LABEL_SIZE),
            grid.labels("column", names, y=-12, fontSize=LABEL_SIZE, fontWeight="bold"),
            note("to \u2192", x=0, y=8 - _HEADER),
            note("from \u2193", x=page.edge, y=-12),
            note("net", align="right", x=-12, y=-12),
        ]
    )


def nets(pairs: Mapping[tuple[str, str], tuple[float, int]]) -> dict[str, float]:
    """What each range gained less what it lost by coins that crossed its limits."""
    found: dict[str, float] = {}
    for (start, end), (crossed, _) in pairs.items():
        found[start] = found.get(start, 0.0) - crossed
        found[end] = found.get(end, 0.0) + crossed
    return found


def _title(pairs: Mapping[tuple[str, str], tuple[float, int]], labels: Mapping[str, str], spec: MigrationSpec) -> str:
    """The largest crossing."""
    (start, end), (crossed, count) = max(pairs.items(), key=lambda pair: pair[1])
    if OUTSIDE not in (start, end):
        ways = f"went from {_name(labels[start])} to {_name(labels[end])}"
    elif end == OUTSIDE:
        ways = f"left {_name(labels[start])} and all ranges"
    else:
        ways = f"came into {_name(labels[end])} from below or as new"
    return f"{counted(count, 'coin')} worth {usd_text(crossed)} {ways} in {counted(spec.days, 'day')}"


def _name(label: str) -> str:
    return label if label.startswith("above") else f"the range {label}"


def _cells(pairs: Mapping[tuple[str, str], tuple[float, int]], order: list[str]) -> list[Cell]:
    largest = max(crossed for crossed, _ in pairs.values())
    cells = []
    for row, start in enumerate(order):
        for column, end in enumerate(order):
            crossed, count = pairs.get((start, end), (0.0, 0))
            if not count:
                cells.append(Cell(start, end, "", GRID if start == end else EMPTY_FILL, GREY))
                continue
            strength = max(_LEAST_COLOUR, (crossed / largest) ** 0.5)
            fill, ink = fill_and_ink(strength if column < row else -strength, 1.0)
            cells.append(Cell(start, end, f"{usd_text(crossed)} \u00b7 {counted(count, 'coin')}", fill, ink))
    return cells


def _nets(pairs: Mapping[tuple[str, str], tuple[float, int]]) -> dict[str, tuple[str, str]]:
    """Text and colour of the net of each range; what is outside of all has none."""
    return {
        name: (usd_text(net, signed=True), RISE_INK if net > 0 else FALL_INK)
        for name, net in nets(pairs).items()
        if name != OUTSIDE
    }
