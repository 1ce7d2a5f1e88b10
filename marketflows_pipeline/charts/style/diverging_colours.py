"""Colours of signed numbers: orange below zero, blue above, nothing at zero."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketflows_pipeline.charts.style.colours import heat
from marketflows_pipeline.charts.style.look import current_look

_CLAMP_QUANTILE = 0.9


def symmetric_limit(values: pl.Series) -> float:
    """The magnitude at which colour is full: the 90 % quantile of magnitudes, so that no single outlier pales the rest.

    Returns:
        A positive number; 1 where all values are zero.
    """
    limit = values.drop_nulls().abs().quantile(_CLAMP_QUANTILE, "lower")
    return float(limit) if limit else 1.0


def color_limits(cells: pl.DataFrame, hours_ago: Iterable[float]) -> tuple[float, ...]:
    """The gain (gain_pct) over each offset (hours_ago), ascending, at which colour is full."""
    # To three digits, so that noise in the last bits draws no chart again.
    finite = cells.filter(pl.col("gain_pct").is_finite()).with_columns(pl.col("gain_pct").round_sig_figs(3))
    return tuple(
        symmetric_limit(finite.filter(pl.col("hours_ago") == hours).get_column("gain_pct"))
        for hours in sorted(map(float, hours_ago))
    )


def fill_and_ink(value: float, limit: float) -> tuple[str, str]:
    """Background and text colour of a value; the same strength for ``+v`` and ``-v``, full from ``limit`` on."""
    return heat(value / limit, current_look().theme)
