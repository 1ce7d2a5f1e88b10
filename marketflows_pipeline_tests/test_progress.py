"""What is said while long work goes on."""

from __future__ import annotations

import pytest

from marketflows_pipeline.progress import LogReporter


def said(caplog: pytest.LogCaptureFixture, moments: list[float], *, total: int) -> list[str]:
    """The log lines of work of which one step is done at each moment after the first."""
    passing = iter(moments)
    with caplog.at_level("INFO"), LogReporter(timer=lambda: next(passing)).track("Fetching", total) as advance:
        for _ in moments[1:]:
            advance(1)
    return [record.getMessage() for record in caplog.records]


def test_no_estimate_is_made_from_the_first_steps(caplog: pytest.LogCaptureFixture) -> None:
    """After one picture of 130 it said "about 1810 s left"; half a minute later all were drawn."""
    assert said(caplog, [0.0, 14.0], total=130) == ["Fetching: 1 of 130"]


def test_an_estimate_is_made_once_a_twentieth_is_done(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, [0.0, 10.0, 20.0], total=40) == [
        "Fetching: 1 of 40",
        "Fetching: 2 of 40, about 6 min left",
    ]


def test_less_than_two_minutes_are_told_in_seconds(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, [0.0, 10.0], total=4) == ["Fetching: 1 of 4, about 30 s left"]
