"""Colours of signed numbers: orange below zero, blue above, nothing at zero."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

NEGATIVE, NEUTRAL, POSITIVE = (0xA8, 0x45, 0x06), (0xF6, 0xF7, 0xF9), (0x08, 0x55, 0x9C)
_CLAMP_QUANTILE = 0.9
# Between pure black and white every fill has a contrast of at least 4.5 with one of them.
_BLACK, _WHITE = "#000000", "#ffffff"


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
    strength = min(1.0, abs(value) / limit)
    end = POSITIVE if value > 0 else NEGATIVE
    fill = tuple(round(low + strength * (high - low)) for low, high in zip(NEUTRAL, end, strict=True))
    light = luminance(fill)
    ink = _BLACK if (light + 0.05) ** 2 >= 1.05 * 0.05 else _WHITE
    return "#{:02x}{:02x}{:02x}".format(*fill), ink


def luminance(rgb: tuple[int, ...]) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.1)."""
    linear = [channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4 for channel in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
