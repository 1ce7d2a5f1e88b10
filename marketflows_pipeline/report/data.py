"""Figures as the page holds them: one JSON block of columns, each value as short as it can be."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import polars as pl

from marketflows_pipeline.report.model import Dataset

SIGNIFICANT_DIGITS = 5
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPES = str.maketrans(_ESCAPED)


def inline_json(value: object) -> str:
    """JSON that can stand within a script element: nothing in it ends the element or begins another one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)


def columns_of(dataset: Dataset) -> dict[str, Any]:
    """The rows of a dataset by column, as the page's script reads them.

    Texts are places in a list of the different ones, days are counted from 1970-01-01, times are seconds since then in
    UTC, floats have five significant digits; what is unknown is null.
    """
    columns = {name: _column(dataset.rows[name]) for name in dataset.rows.columns}
    return {"n": dataset.rows.height, "columns": columns}


def datasets_json(datasets: Iterable[Dataset]) -> str:
    """All datasets, for a script element.

    Raises:
        ValueError: if two different datasets have the same name.
    """
    named: dict[str, Dataset] = {}
    for dataset in datasets:
        known = named.setdefault(dataset.name, dataset)
        if known is not dataset and not known.rows.equals(dataset.rows):
            raise ValueError(f"two datasets of the page are called {dataset.name}")
    return inline_json({name: columns_of(dataset) for name, dataset in named.items()})


def _column(values: pl.Series) -> dict[str, Any]:
    dtype = values.dtype
    if dtype == pl.Date:
        return {"type": "day", "values": values.cast(pl.Int32).to_list()}
    if isinstance(dtype, pl.Datetime):
        return {"type": "time", "values": (values.dt.timestamp("ms") // 1000).to_list()}
    if dtype == pl.Boolean:
        return {"type": "plain", "values": values.to_list()}
    if dtype.is_float():
        return {"type": "plain", "values": [_shortened(value) for value in values.to_list()]}
    if dtype.is_integer():
        return {"type": "plain", "values": values.to_list()}
    texts = values.cast(pl.String)
    known = texts.drop_nulls().unique(maintain_order=True).to_list()
    places = {text: place for place, text in enumerate(known)}
    return {"type": "text", "texts": known, "values": [None if text is None else places[text] for text in texts]}


def _shortened(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    # 4e11 is shorter than 400000000000.0, and a whole number needs no point.
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
