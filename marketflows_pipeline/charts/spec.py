"""Specifications of charts: everything about each except its figures. Here: what all share, and those of market caps.

This module must not import Altair, so that unchanged charts are recognised cheaply.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, footer_parts

US_DOLLAR = "us-dollar"
RANGES = "Ranges"
GROWTH_STEPS = 50
INFLECTION_STEPS = 12
WEEK_HOURS = 168.0
# Two series, scaled to 0..1, are a square wave; from six on ranks over time say more.
UNIT_FROM, RANKS_FROM = 3, 6

_ORDER_SUFFIX = {0: "", 1: "_growth", 2: "_inflection"}
# With what stands around it, well below the 255 bytes of a file name.
_FILE_PART_BYTES = 150


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a chart says. Its ``repr`` holds everything that is drawn, apart from the frame.

    Attributes:
        draw: ``module:function`` of ``(frame, spec) -> Altair chart``, imported only when a chart has to be drawn.
        file_pattern: name of the PNG, with fields of the specification in braces.
        columns: what the chart is drawn from.
        needs: what must hold of the frame for there to be something to show, and how it is said that it does not;
            a specification whose reasons take more has its own `why_empty`.
        source: the credit ("Data provided by CoinGecko").
        notes: caveats for the footer.
    """

    draw: ClassVar[str]
    file_pattern: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[tuple[pl.Expr, str], ...]]

    source: str
    notes: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        """A specification that is drawn says when there is nothing to show."""
        if hasattr(cls, "draw") and not hasattr(cls, "needs") and cls.why_empty is Spec.why_empty:
            raise TypeError(f"{cls.__name__} has neither needs nor why_empty")

    @classmethod
    def file_name_of(cls, **fields: Any) -> str:  # noqa: ANN401 - whatever a specification has
        """Name of the PNG by those fields that stand in it.

        Whatever a field may hold, no path can come of it, and no name that is too long.
        """
        return cls.file_pattern.format_map({name: _file_part(str(value)) for name, value in fields.items()})

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return self.file_name_of(**{name: value for name, value in vars(self).items() if isinstance(value, str | int)})

    @property
    def is_essential(self) -> bool:
        """Whether it belongs to the pictures fit to paste."""
        return False

    def reason_to_skip(self, frame: pl.DataFrame) -> str | None:
        """Why this chart would be empty, or None when it has something to show.

        Raises:
            ValueError: the frame lacks a column, which Vega would draw as an empty chart without a word.
        """
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise ValueError(f"the frame lacks {', '.join(missing)}; it has {', '.join(frame.columns)}")
        return self.why_empty(frame)

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """The reason to skip a frame that has all columns: the first of the needs that is not met."""
        return next((reason for is_met, reason in self.needs if not frame.select(is_met).item()), None)

    def footer(self, as_of: date, notes: Iterable[str]) -> list[str]:
        """Source, the time or the session that the figures are of, caveats of the chart and those of the run."""
        return footer_parts(self.source, as_of, [*notes, *self.notes])


@dataclass(frozen=True)
class SeriesStyle:
    """How one series is named and drawn, the same in every chart of its category.

    A dash is lengths of dash and gap in pixels, empty for a solid line.
    """

    series: str
    label: str
    color: str
    dash: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MarketCapSpec(Spec):
    """What line charts and gain tables have in common.

    Attributes:
        category: ``Narratives``, ``Portfolios``, ``Ranges`` or a portfolio's name.
        base_asset: id of the denominator; ``us-dollar`` means none.
        as_of: the last grid time, never the time of drawing: an unchanged grid must give an unchanged chart.
    """

    category: str
    base_asset: str
    base_label: str
    series: tuple[SeriesStyle, ...]
    as_of: datetime

    @property
    def is_by_size(self) -> bool:
        """Whether the series are ranges of size: ordered by it, and totals that coins enter and leave."""
        return self.category == RANGES

    def has_value(self, frame: pl.DataFrame, column: str) -> bool:
        """Whether any series of this chart has a finite value in a column."""
        known = frame.filter(pl.col("series").is_in([style.series for style in self.series]))
        return known.get_column(column).is_finite().any()


@dataclass(frozen=True, kw_only=True)
class ChartSpec(MarketCapSpec):
    """One line chart: category x base asset x EMA period x order x scaling.

    Attributes:
        ema_period: span of the EMA in grid steps; 1 is none.
        diff_order: 0 for the index, 1 for growth, 2 for inflection, and so on.
        is_unit: whether values are scaled to 0..1 at each time.
        smoothing_ema: span of the EMA over each difference; 1 is none.
    """

    draw = "marketflows_pipeline.charts.market_caps.lines:line_chart"
    columns = ("series", "ts", "value")

    ema_period: int
    diff_order: int
    is_unit: bool
    smoothing_ema: int
    step: timedelta

    @classmethod
    def file_name_of(cls, **fields: Any) -> str:  # noqa: ANN401 - as above
        """``{category}_MC_by_{base}[_ema{N}][_growth|_inflection|_deriv{K}][_unit].png``."""
        ema = f"_ema{fields['ema_period']}" if fields["ema_period"] > 1 else ""
        order = _ORDER_SUFFIX.get(fields["diff_order"], f"_deriv{fields['diff_order']}")
        unit = "_unit" if fields["is_unit"] else ""
        return f"{fields['category']}_MC_by_{fields['base_asset']}{ema}{order}{unit}.png"

    @property
    def is_essential(self) -> bool:
        """Of scaled curves the smooth levels in dollars, which show an order that is neither one step nor a crowd."""
        is_smooth = self.is_unit and self.base_asset == US_DOLLAR and self.diff_order == 0 and self.ema_period > 1
        return is_smooth and UNIT_FROM <= len(self.series) < RANKS_FROM

    @property
    def visible_steps(self) -> int | None:
        """Grid steps shown, counted back from the last value; None for the whole window."""
        if self.diff_order == 0:
            return None
        return GROWTH_STEPS if self.diff_order == 1 else INFLECTION_STEPS

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without any finite value in the window."""
        if self.has_value(frame, "value"):
            return None
        if self.is_unit:
            return "no two series differ at any time, so nothing can be scaled to 0..1"
        return "no value in the window"


@dataclass(frozen=True, kw_only=True)
class GainTableSpec(MarketCapSpec):
    """One table of percent gains: category x base asset.

    Attributes:
        hours_ago: the columns, in hours before ``as_of``.
        limits: for each of the columns in ascending order the gain at which colour is full, the same in all tables of a
            publish; empty where the table stands alone and has scales of its own.
    """

    draw = "marketflows_pipeline.charts.market_caps.gain_table:gain_table"
    file_pattern = "{category}_MC_by_{base_asset}_percent_gains_table.png"
    columns: ClassVar[tuple[str, ...]] = ("series", "hours_ago", "gain_pct", "reason", "basis")

    hours_ago: tuple[float, ...]
    limits: tuple[float, ...] = ()

    @classmethod
    def file_name_of(cls, **fields: Any) -> str:  # noqa: ANN401 - as above
        """Name of the PNG; the settings let no category have a name that is not fit for a file."""
        return cls.file_pattern.format_map(fields)

    def why_empty(self, frame: pl.DataFrame) -> str | None:
        """Without any gain."""
        return None if self.has_value(frame, "gain_pct") else "no gain could be computed for any series"


def any_known(column: str) -> pl.Expr:
    """Whether any value of a column is finite."""
    return pl.col(column).is_finite().any()


def too_short(count: int, unit: str, what: str, least: int) -> str | None:
    """Why a time series of so many days or sessions is not drawn; None where they are enough."""
    if count >= least:
        return None
    return f"{counted(count, unit)} {what}, a time series needs {least}"


def _file_part(key: str) -> str:
    part = re.sub(r"[^\w.-]+", "-", key)
    if len(part.encode()) <= _FILE_PART_BYTES:
        return part
    digest = hashlib.blake2b(part.encode(), digest_size=4).hexdigest()
    return f"{part.encode()[:_FILE_PART_BYTES].decode(errors='ignore')}-{digest}"
