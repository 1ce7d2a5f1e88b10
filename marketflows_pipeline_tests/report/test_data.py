"""Figures in the page: short, exact to five digits, and nothing that a script element ends at."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.report.data import columns_of, datasets_json, inline_json
from marketflows_pipeline.report.model import Dataset, FigureColumn
from marketflows_pipeline_tests.report.content import controlled_card

TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "name": pl.String,
    "day": pl.Date,
    "ts": pl.Datetime("us", "UTC"),
    "x": pl.Float64,
    "n": pl.Int64,
    "is": pl.Boolean,
}


def test_each_type_has_its_own_form() -> None:
    rows = pl.DataFrame(
        {
            "name": ["b", "a", None, "b"],
            "day": [date(1970, 1, 1), date(2026, 3, 4), None, date(1969, 12, 31)],
            "ts": [datetime(2026, 3, 4, 11, 14, 16, 999_999, tzinfo=UTC), None, None, datetime(1970, 1, 1, tzinfo=UTC)],
            "x": [1234567.0, -0.000123456, None, math.nan],
            "n": [1, None, 12345678, -3],
            "is": [True, None, False, True],
        },
        schema=TYPES,
    )
    assert columns_of(Dataset("any", rows)) == {
        "n": 4,
        "columns": {
            "name": {"type": "text", "texts": ["b", "a"], "values": [0, 1, None, 0]},
            "day": {"type": "day", "values": [0, 20516, None, -1]},
            "ts": {"type": "time", "values": [1772622856, None, None, 0]},
            "x": {"type": "plain", "values": [1234600, -0.00012346, None, None]},
            "n": {"type": "plain", "values": [1, None, 12345678, -3]},
            "is": {"type": "plain", "values": [True, None, False, True]},
        },
    }


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_floats_keep_five_digits(value: float) -> None:
    dataset = Dataset("any", pl.DataFrame({"x": [value]}, schema={"x": pl.Float64}))
    (short,) = json.loads(inline_json(columns_of(dataset)))["columns"]["x"]["values"]
    if math.isfinite(value):
        assert math.isclose(short, value, rel_tol=0.5001e-4, abs_tol=5e-324)
    else:
        assert short is None


@given(st.text())
def test_text_comes_back_and_ends_no_element(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    written = inline_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not set(written) & set("<>&\u2028\u2029")


def test_a_figure_is_as_exact_as_its_table_shows_it() -> None:
    rows = pl.DataFrame({"volume": [122247.36, 1.2], "usd": [1_234_567_891.0, None], "level": [123456.789, 0.5]})
    columns = (FigureColumn("volume", "BTC", 0), FigureColumn("usd", "M USD", 1, divisor=1e6))
    card = controlled_card(dataset=Dataset("curves", rows), columns=columns)
    found = json.loads(datasets_json([card]))["curves"]["columns"]
    assert found["volume"]["values"] == [122247, 1.2]
    assert found["usd"]["values"] == [1_234_600_000, None], "1,234.6 M USD is five digits"
    assert found["level"]["values"] == [123460, 0.5]


@pytest.mark.parametrize("value", [81.25, 0.98784999, -23.4999, 7.0149999, 56.25, 1000000.05, -0.05, 0.15, 2.5])
@pytest.mark.parametrize("digits", [0, 1, 2, 4])
def test_a_half_is_not_rounded_twice(value: float, digits: int) -> None:
    """A browser rounds a half away from zero, Python to the even digit; neither gets to decide."""
    card = controlled_card(
        dataset=Dataset("a", pl.DataFrame({"x": [value]})), columns=(FigureColumn("x", "x", digits),)
    )
    ((found,),) = (column["values"] for column in json.loads(datasets_json([card]))["a"]["columns"].values())
    rules = (ROUND_HALF_UP, ROUND_HALF_EVEN)
    shown = {Decimal(repr(found)).quantize(Decimal(1).scaleb(-digits), rule) for rule in rules}
    assert shown == {Decimal(f"{value:.{digits}f}")}


def test_a_dataset_stands_once_whatever_shows_it() -> None:
    one = controlled_card(dataset=Dataset("a", pl.DataFrame({"x": [1.5]})), columns=())
    assert datasets_json([one, one]) == '{"a":{"n":1,"columns":{"x":{"type":"plain","values":[1.5]}}}}'
