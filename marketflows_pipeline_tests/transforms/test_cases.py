"""The first of several conditions that holds decides."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.cases import first_that_holds

N = pl.col("n")
NUMBERS = pl.DataFrame({"n": [3, 2, 1, None]})


def test_the_first_condition_that_holds_decides() -> None:
    found = NUMBERS.select(first_that_holds((N > 2, "many"), (N > 1, pl.format("{} of them", N)), (N > 0, None)))

    assert found.to_series().to_list() == ["many", "2 of them", None, None]


def test_where_none_holds_or_is_known_the_other_choice_stands() -> None:
    found = NUMBERS.select(first_that_holds((N > 2, None), (N > 1, "some"), otherwise="few"))

    assert found.to_series().to_list() == [None, "some", "few", "few"]
