"""What training recovers of planted signals, as it was measured over many markets."""

from __future__ import annotations

import pytest

from marketflows_pipeline.tutorial.recovery import measured_recovery


@pytest.mark.parametrize("horizon", [5, 20])
def test_both_horizons_were_measured_over_twenty_markets(horizon: int) -> None:
    """The one market that was shipped had been chosen, so that its interval held the planted value."""
    found = measured_recovery(horizon)

    assert found is not None
    assert found.markets == 20
    assert 0 <= found.covered <= 20
    # A model that has to learn finds less than there is; one that finds more has seen the future.
    assert -0.1 < found.bias <= 0


def test_a_horizon_that_was_not_measured_has_no_record() -> None:
    assert measured_recovery(10) is None
