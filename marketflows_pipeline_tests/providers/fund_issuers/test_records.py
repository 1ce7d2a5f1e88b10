"""Records of JSON as a grid: whatever a service sends, figures or an error of one line come of it."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.fund_issuers.records import record_grid
from marketflows_pipeline.providers.fund_issuers.share_figures import read_figures
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline_tests.fakes.generate import START

COLUMNS = {"session": "day", "shares": "units"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ROW = st.fixed_dictionaries({"day": st.just("2026-09-17") | JSON, "units": JSON}, optional={"other": JSON})


def test_texts_and_numbers_stand_as_they_are_and_the_rest_is_described() -> None:
    records = [{"a": "x", "b": 1}, {"b": 2.5, "c": None}, "text", {"a": True, "b": [1], "c": {"d": 1}}]

    assert record_grid(records) == [
        ["a", "b", "c"],
        ["x", "1", ""],
        ["", "2.5", ""],
        ["", "", ""],
        ["bool 'True'", "a list", "an object with keys ['d']"],
    ]


@pytest.mark.parametrize("figure", ["1e9", "1,000,000,000", 1e9, 1_000_000_000])
def test_a_figure_may_be_a_number_or_a_text_of_one(figure: object) -> None:
    grid = record_grid([{"day": "2026-09-17T00:00:00Z", "units": figure}])

    frame = read_figures(grid, COLUMNS, BadRows("test"), START)
    assert frame.select("session", "shares").rows() == [(date(2026, 9, 17), 1e9)]


@given(st.lists(ROW | JSON, max_size=6))
def test_whatever_comes_a_figure_is_a_finite_number_above_zero(records: list[object]) -> None:
    try:
        frame = read_figures(record_grid(records), COLUMNS, BadRows("test"), START)
    except ParseError:
        return
    assert frame.filter(~(pl.col("shares").is_finite() & (pl.col("shares") > 0))).is_empty()
    assert frame["session"].null_count() == 0
