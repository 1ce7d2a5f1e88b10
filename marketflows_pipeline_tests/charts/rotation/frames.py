"""Small frames of rotations that the chart tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.rotation.catalog import RotationContext
from marketflows_pipeline.charts.style.theme import series_styles
from marketflows_pipeline.schema import table

LAST = datetime(2026, 3, 7, tzinfo=UTC)
PLACES = {(True, True): "leading", (True, False): "weakening", (False, False): "lagging", (False, True): "improving"}
CONTEXT = RotationContext(
    "narratives",
    "Narratives",
    series_styles([("ai", "Artificial intelligence"), ("meme", "Meme"), ("l1", "Layer 1")]),
    {"bitcoin": "BTC"},
    "made up",
)
CLOCKWISE = {"statistic": "clockwise_pct", "value": 76.4, "lower": 74.5, "upper": 80.0, "reason": None}


def back(days: int) -> datetime:
    """The close so many days before ``LAST``."""
    return LAST - timedelta(days=days)


def points_frame(
    paths: Mapping[str, Sequence[tuple[float, float]]], *, benchmark: str = "bitcoin", backfilled: int = 0
) -> pl.DataFrame:
    """Rows of ``mart.rotation``: the last points of each series, up to ``LAST``; the first ones back-filled."""
    rows = [
        {
            "universe": "narratives",
            "series": series,
            "benchmark": benchmark,
            "ts": back(len(path) - 1 - at),
            "ratio": ratio,
            "momentum": momentum,
            "quadrant": PLACES[ratio >= 100, momentum >= 100],
            "is_backfilled": at < backfilled,
        }
        for series, path in paths.items()
        for at, (ratio, momentum) in enumerate(path)
    ]
    return pl.DataFrame(rows, schema=table("mart.rotation").polars_schema)


def stays_frame(*stays: tuple[str, str, int, float | None]) -> pl.DataFrame:
    """Open stays: series, quadrant, days, return in percent."""
    rows = [
        {
            "universe": "narratives",
            "series": series,
            "benchmark": "bitcoin",
            "entered_at": back(days),
            "quadrant": quadrant,
            "days": days,
            "return_pct": gained,
            "is_seen_to_begin": True,
            "is_backfilled": False,
        }
        for series, quadrant, days, gained in stays
    ]
    return pl.DataFrame(rows, schema=table("mart.rotation_log").polars_schema)


def placebo_frame(*figures: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of ``mart.rotation_placebo``."""
    usual = {
        "universe": "narratives",
        "benchmark": "bitcoin",
        "as_of": LAST,
        "n_entries": 99,
        "n_steps": 400,
        "n_backfilled": 0,
    }
    rows = [{**usual, **figure} for figure in figures]
    return pl.DataFrame(rows, schema=table("mart.rotation_placebo").polars_schema)
