"""What a page is made of: sections of cards, each a chart or a table with its figures, source and query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

# Points a series has at most; thinned after growth and inflection were taken on the full grid.
MOST_POINTS = 300


@dataclass(frozen=True)
class FigureColumn:
    """A column of the table below a chart.

    Attributes:
        key: of the dataset.
        header: name with its unit.
        digits: after the point, for a number; None for text, days and times.
        signed: whether a positive number shows its sign.
        divisor: what the figure is divided by, such as 1e9 where the header says B USD.
    """

    key: str
    header: str
    digits: int | None = None
    signed: bool = False
    divisor: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """Rows that charts and their tables share; put into the page once, whatever shows them.

    Attributes:
        name: unique in the page, such as ``narratives``; snake case.
        rows: text, numbers, dates and aware times; floats are written with five significant digits.
        thinned_from: points a series had before it was thinned; None where all are there.
    """

    name: str
    rows: pl.DataFrame
    thinned_from: int | None = None


@dataclass(frozen=True)
class Card:
    """One question and its answer.

    Attributes:
        key: anchor in the page, such as ``narratives-index``.
        title: the finding, made from the data.
        subtitle: what is shown, in which unit.
        caption: source, as-of and caveats.
        dataset: the figures.
        columns: of the table of figures.
        sql: select on the published file behind the figures.
        spec: Vega-Lite with ``data: {"name": dataset.name}`` and no figures; None for a table alone, which then
            stands in the page without scripts.
        description: the chart in words, for screen readers, who read a table as it stands.
        series_key: column whose series can be singled out in all charts; None where there is none.
        series: series that the chart shows: key, label and colour (``var(--s1)``), for the legend's buttons.
        controls: signals of the chart that the control bar sets (``base``, ``ema``, ``order``, ``scale``).
        pictures: PNGs that show the same, by file name.
        width: columns of the page's grid of six that it takes on a wide screen.
    """

    key: str
    title: str
    subtitle: str
    caption: str
    dataset: Dataset
    columns: tuple[FigureColumn, ...]
    sql: str
    spec: Mapping[str, Any] | None = None
    description: str = ""
    series_key: str | None = None
    series: tuple[tuple[str, str, str], ...] = ()
    controls: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    width: Literal[2, 3, 4, 6] = 3


@dataclass(frozen=True)
class Section:
    """A heading and its cards.

    Attributes:
        key: anchor, such as ``narratives``.
        title: in the navigation too.
        cards: in reading order; a section without any is left out.
        notes: what is missing, and why.
    """

    key: str
    title: str
    cards: tuple[Card, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tile:
    """One number of the first screen.

    Attributes:
        label: what it is.
        value: as shown.
        comparison: against what.
        href: anchor of the card that tells more.
        line: values of a sparkline, oldest first; nulls are gaps.
    """

    label: str
    value: str
    comparison: str
    href: str
    line: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class GainRow:
    """One series of the first screen's table of gains.

    Attributes:
        label: of the series.
        line: values of its sparkline, oldest first.
        gains: percent by column header, such as ``{"1 d": -0.7}``; null where unknown.
    """

    label: str
    line: tuple[float | None, ...]
    gains: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Gains:
    """The first screen's table of gains, and what is said below it.

    Attributes:
        rows: narratives, portfolios, their coins, then ranges.
        note: what the figures are.
    """

    rows: tuple[GainRow, ...] = ()
    note: str = ""
