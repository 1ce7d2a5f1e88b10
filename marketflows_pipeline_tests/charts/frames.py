"""Small frames and descriptions that the chart tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.spec import ChartSpec, GainTableSpec
from marketflows_pipeline.charts.style.theme import series_styles

END = datetime(2026, 3, 5, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def grid_frame(
    values: Mapping[str, Sequence[float | None]], step: timedelta = DAY, end: datetime = END
) -> pl.DataFrame:
    """Series, ts, value with the last value at ``END``."""
    rows = [
        (series, END - step * (len(row) - 1 - place), value)
        for series, row in values.items()
        for place, value in enumerate(row)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "series": pl.String,
        "ts": pl.Datetime("us", "UTC"),
        "value": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def chart_spec(labels: Mapping[str, str] | None = None, **changes: Any) -> ChartSpec:
    """A chart of two narratives in US dollars, with changes."""
    spec = ChartSpec(
        category="Narratives",
        base_asset="us-dollar",
        base_label="US dollar",
        ema_period=1,
        diff_order=0,
        is_unit=False,
        smoothing_ema=10,
        step=DAY,
        series=series_styles(labels or {"ai": "AI", "layer-1": "Layer 1"}),
        source="Data provided by CoinGecko",
        as_of=END,
    )
    return replace(spec, **changes)


def gain_frame(rows: Sequence[tuple[str, float, float | None, str | None]], basis: str = "grid") -> pl.DataFrame:
    """Series, hours_ago, gain_pct, reason, basis."""
    schema = {
        "series": pl.String,
        "hours_ago": pl.Float64,
        "gain_pct": pl.Float64,
        "reason": pl.String,
        "basis": pl.String,
    }
    return pl.DataFrame([(*row, basis) for row in rows], schema=schema, orient="row")


def gain_spec(labels: Mapping[str, str] | None = None, **changes: Any) -> GainTableSpec:
    """A gain table of two narratives in US dollars, with changes."""
    spec = GainTableSpec(
        category="Narratives",
        base_asset="us-dollar",
        base_label="US dollar",
        hours_ago=(24.0, 168.0),
        series=series_styles(labels or {"ai": "AI", "layer-1": "Layer 1"}),
        source="Data provided by CoinGecko",
        as_of=END,
    )
    return replace(spec, **changes)
