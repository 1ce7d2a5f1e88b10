"""Figures as the page holds them: one JSON block of columns, each value as short as it can be."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from marketflows_pipeline.report.model import Card, Dataset

SIGNIFICANT_DIGITS = 5
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPES = str.maketrans(_ESCAPED)


def inline_json(value: object) -> str:
    """JSON that can stand within a script element: nothing in it ends the element or begins another one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)


def columns_of(dataset: Dataset, decimals: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The rows of a dataset by column, as the page's script reads them.

    Texts are places in a list of the different ones, days are counted from 1970-01-01, times are seconds since then in
    UTC, floats have five significant digits, or more where a table shows more; what is unknown is null.

    Args:
        dataset: the rows.
        decimals: digits after the point that a table shows, by column; negative where it shows thousands and more.
    """
    shown = decimals or {}
    columns = {name: _column(dataset.rows[name], shown.get(name)) for name in dataset.rows.columns}
    return {"n": dataset.rows.height, "columns": columns}


def datasets_json(cards: Iterable[Card]) -> str:
    """The datasets of all cards, each once, for a script element.

    Raises:
        ValueError: if two different datasets have the same name.
    """
    named: dict[str, Dataset] = {}
    decimals: dict[str, dict[str, int]] = {}
    for card in cards:
        dataset = card.dataset
        known = named.setdefault(dataset.name, dataset)
        if known is not dataset and not known.rows.equals(dataset.rows):
            raise ValueError(f"two datasets of the page are called {dataset.name}")
        own = decimals.setdefault(dataset.name, {})
        for column in card.columns:
            if column.digits is not None:
                needed = column.digits - math.floor(math.log10(column.divisor))
                own[column.key] = max(needed, own.get(column.key, needed))
    return inline_json({name: columns_of(dataset, decimals[name]) for name, dataset in named.items()})


def _column(values: pl.Series, decimals: int | None) -> dict[str, Any]:
    dtype = values.dtype
    if dtype == pl.Date:
        return {"type": "day", "values": values.cast(pl.Int32).to_list()}
    if isinstance(dtype, pl.Datetime):
        return {"type": "time", "values": (values.dt.timestamp("ms") // 1000).to_list()}
    if dtype.is_float():
        return {"type": "plain", "values": [_shortened(value, decimals) for value in values.to_list()]}
    if dtype.is_integer() or dtype == pl.Boolean:
        return {"type": "plain", "values": values.to_list()}
    texts = values.cast(pl.String)
    known = texts.drop_nulls().unique(maintain_order=True).to_list()
    places = {text: place for place, text in enumerate(known)}
    return {"type": "text", "texts": known, "values": [None if text is None else places[text] for text in texts]}


def _shortened(value: float | None, decimals: int | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if decimals is not None and _reads_otherwise(short, value, decimals):
        short = round(value, decimals)
    if not math.isfinite(short):
        short = value
    # 4e11 is shorter than 400000000000.0, and a whole number needs no point.
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _reads_otherwise(short: float, value: float, decimals: int) -> bool:
    """Whether a table would show the short number otherwise, or may: browsers round a half away from zero."""
    places = abs(short) * 10.0**decimals
    return round(short, decimals) != round(value, decimals) or abs(places % 1 - 0.5) < 1e-6
