"""A page as large as one is meant to be: 50 narratives and 300 coins, of figures that do not compress."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from marketflows_pipeline.report.model import Card, Dataset, FigureColumn, Section
from marketflows_pipeline.report.sections.series import points_for
from marketflows_pipeline_tests.report.content import (
    controlled_card,
    html_of,
    line_spec,
    page_content,
    series_of,
    table_card,
)

_FIELDS = [f"b{base}_{ema}_{order}" for base in range(2) for ema in (1, 20) for order in range(3)]


def large_page(scripts: str) -> str:
    """The page with these scripts."""
    narratives = [
        _card("curves", 50, _FIELDS),
        _card("index", 50, ["b0", "b1"]),
        _card("rotation", 50, ["ratio", "momentum"]),
        _card("breadth", 50, ["a20", "a50", "a200"]),
        _card("shares", 50, ["share"]),
    ]
    portfolios = [_card(f"portfolio-{place}", 10, _FIELDS) for place in range(3)]
    coins = table_card([f"Coin with a name of some length, number {place}" for place in range(300)])
    return html_of(
        page_content(
            [
                Section("narratives", "Narratives", tuple(narratives)),
                Section("portfolios", "Portfolios", tuple(portfolios)),
                Section("coins", "Coins", (coins,)),
            ]
        ),
        scripts,
    )


def _noise(name: str, n_series: int, fields: list[str]) -> Dataset:
    """As many points as a card of so many series draws, with figures that no two rows share."""
    points, random = points_for(n_series), np.random.default_rng(1)
    rows = n_series * points
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return Dataset(
        name,
        pl.DataFrame(
            {
                "label": [f"narrative number {place // points}" for place in range(rows)],
                "ts": [start + timedelta(hours=7 * (place % points)) for place in range(rows)],
                **{field: random.normal(1, 0.3, rows) for field in fields},
            }
        ),
        2161,
    )


def _card(key: str, n_series: int, fields: list[str]) -> Card:
    labels = [f"narrative number {place}" for place in range(n_series)]
    is_controlled = fields == _FIELDS
    value = "datum[base + '_1_' + order]" if is_controlled else f"datum.{fields[0]}"
    return controlled_card(
        key=key,
        dataset=_noise(key, n_series, fields),
        columns=tuple(FigureColumn(field, field, 5) for field in fields),
        series=series_of(labels),
        spec=line_spec(key, value, labels, base="b0", order="0") if is_controlled else line_spec(key, value, labels),
        controls=("base", "order") if is_controlled else (),
    )
