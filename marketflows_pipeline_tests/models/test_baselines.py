from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from marketflows_pipeline.models import baselines
from marketflows_pipeline.models.dataset import Dataset, dataset
from marketflows_pipeline_tests.models.made_up import weekdays


def rows(given: list[tuple[int, str, float | None, int]]) -> Dataset:
    """place of the session, symbol, return of 20 sessions, label."""
    days = weekdays(20)
    frame = pl.DataFrame(given, schema=["place", "symbol", "return_20", "label"], orient="row").with_columns(
        session=pl.col("place").replace_strict(dict(enumerate(days)), return_dtype=pl.Date)
    )
    labels = frame.select("symbol", "session", "label", label_end="session")
    return dataset(
        frame.select("symbol", "session", pl.col("return_20").cast(pl.Float64)), labels, features=["return_20"]
    )


DATA = rows(
    [
        (0, "A", 0.1, 1), (0, "B", -0.1, 0),
        (1, "A", 0.1, 1), (1, "B", 0.0, 1),
        (2, "A", -0.2, 0), (2, "B", 0.3, 0),
        (3, "A", 0.5, 1), (3, "B", None, 0), (3, "C", -0.5, 0),
    ]
)  # fmt: skip
TRAIN, TEST = DATA.take(DATA.session < 3), DATA.take(DATA.session == 3)


def test_the_base_rate_is_the_asset_s_own_and_that_of_all_where_it_is_new() -> None:
    # A: 1 1 0, B: 0 1 0, all: 3 of 6; C is new
    np.testing.assert_allclose(baselines.base_rate(TRAIN, TEST), [2 / 3, 1 / 3, 1 / 2])
    np.testing.assert_allclose(baselines.base_rates(TRAIN), [2 / 3, 1 / 3, 1 / 2])


def test_always_up_is_certain() -> None:
    np.testing.assert_array_equal(baselines.always_up(TRAIN, TEST), [1, 1, 1])


def test_momentum_is_the_frequency_after_a_rise_or_a_fall() -> None:
    # after a rise (0.1, 0.1, 0.3): 1 1 0; after none (-0.1, 0.0, -0.2): 0 1 0; unknown: 3 of 6
    np.testing.assert_allclose(baselines.momentum(TRAIN, TEST), [2 / 3, 1 / 2, 1 / 3])


def test_momentum_without_a_rise_in_training_is_the_frequency_of_all() -> None:
    fallen = TRAIN.take(TRAIN.feature("return_20") <= 0)

    assert baselines.momentum(fallen, TEST)[0] == pytest.approx(1 / 3)
