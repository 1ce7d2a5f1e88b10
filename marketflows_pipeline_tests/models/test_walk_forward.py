from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import TooLittleDataError
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline_tests.models.made_up import weekdays


def test_blocks_by_hand() -> None:
    # 10 to train, 2 + 1 left out, then blocks of 4: tests begin at 13 and 17, the last one is short
    days = weekdays(20)
    walk = WalkForward(horizon=2, min_train=10, refit_every=4, embargo=1)

    blocks = [(list(train.astype(object)), list(test.astype(object))) for train, test in walk.splits(days)]

    assert blocks == [(days[:10], days[13:17]), (days[:14], days[17:20])]
    assert walk.count(20) == 2


@given(
    sessions=st.integers(30, 300),
    horizon=st.integers(1, 20),
    embargo=st.integers(0, 6),
    refit_every=st.integers(1, 70),
)
def test_no_label_of_training_reaches_into_the_test(
    sessions: int, horizon: int, embargo: int, refit_every: int
) -> None:
    days = np.array(weekdays(sessions), dtype="datetime64[D]")
    walk = WalkForward(horizon=horizon, min_train=3, refit_every=refit_every, embargo=embargo)
    tested = []

    for train, test in walk.splits(days):
        last_label_end = days[len(train) - 1 + horizon]
        assert last_label_end < test[0]
        assert len(train) >= 3
        tested.append(test)

    assert len(tested) == walk.count(sessions)
    # every session after the first gap is tested once
    np.testing.assert_array_equal(np.concatenate(tested), days[3 + horizon + embargo :])


def test_a_gap_counts_sessions_and_not_rows_of_a_panel() -> None:
    # fifteen assets a session: a gap of 20 rows would be less than two sessions
    days = weekdays(60)
    panel = [day for day in days for _ in range(15)]

    train, test = next(WalkForward(horizon=20, min_train=30, embargo=0).splits(panel))

    assert days.index(test[0].item()) - days.index(train[-1].item()) == 21


def test_too_short_a_history_is_refused_with_numbers() -> None:
    walk = WalkForward(horizon=5, min_train=10, embargo=1)

    with pytest.raises(TooLittleDataError, match="more than 16 labelled sessions; there are 16"):
        list(walk.splits(weekdays(16)))
    assert walk.count(16) == 0
    assert len(list(walk.splits(weekdays(17)))) == 1
