from __future__ import annotations

import numpy as np
import polars as pl

from marketflows_pipeline.models.dataset import dataset, matrix
from marketflows_pipeline_tests.models.made_up import weekdays

DAYS = weekdays(4)
PANEL = pl.DataFrame(
    {"symbol": ["B", "A", "A"], "session": [DAYS[0], DAYS[0], DAYS[1]], "f": [2.0, 1.0, None], "g": [5.0, 4.0, 6.0]}
)
LABELS = pl.DataFrame(
    {
        "symbol": ["A", "B", "A", "C"],
        "session": [DAYS[0], DAYS[0], DAYS[1], DAYS[0]],
        "label_end": [DAYS[1], DAYS[3], DAYS[2], DAYS[1]],
        "label": [1, 0, 1, 1],
    }
)


def test_rows_are_by_session_and_symbol_with_a_column_an_asset() -> None:
    data = dataset(PANEL, LABELS, features=["g", "f"])

    assert data.symbols == ("A", "B")
    np.testing.assert_array_equal(data.x, [[4, 1, 1, 0], [5, 2, 0, 1], [6, np.nan, 1, 0]])
    np.testing.assert_array_equal(data.y, [1, 0, 1])
    np.testing.assert_array_equal(data.session, [0, 0, 1])
    np.testing.assert_array_equal(data.columns(["f"]), [1, 2, 3])
    np.testing.assert_array_equal(data.feature("f"), [1, 2, np.nan])


def test_ends_says_after_how_many_sessions_a_label_is_known() -> None:
    # A's first label ends with the second session, so it is known before a third; B's ends after both that there are
    data = dataset(PANEL, LABELS, features=["f"])

    np.testing.assert_array_equal(data.ends, [2, 2, 2])
    np.testing.assert_array_equal(
        dataset(PANEL, LABELS.with_columns(label_end=pl.col("session")), features=["f"]).ends, [1, 1, 2]
    )


def test_an_asset_that_a_model_does_not_know_has_no_column() -> None:
    symbol, x = matrix(PANEL, features=["g"], symbols=["A", "Z"])

    np.testing.assert_array_equal(symbol, [-1, 0, 0])
    np.testing.assert_array_equal(x, [[5, 0, 0], [4, 1, 0], [6, 1, 0]])


def test_the_fingerprint_changes_with_any_figure_or_name() -> None:
    data = dataset(PANEL, LABELS, features=["f", "g"])
    other = dataset(PANEL.with_columns(g=pl.col("g") + 1e-12), LABELS, features=["f", "g"])
    renamed = dataset(PANEL.rename({"f": "e"}), LABELS, features=["e", "g"])

    assert data.sha256 == dataset(PANEL.reverse(), LABELS, features=["f", "g"]).sha256
    assert len({data.sha256, other.sha256, renamed.sha256}) == 3
