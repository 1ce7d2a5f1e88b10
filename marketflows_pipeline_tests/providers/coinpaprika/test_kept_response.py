"""A response that is kept is requested again when it is old, and not kept where the request fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import TransientProviderError
from marketflows_pipeline.providers.bad_rows import BadRows, count_of_list, counting_left_out
from marketflows_pipeline.providers.coinpaprika.lists import KeptResponse
from marketflows_pipeline.providers.http.responses import ParseError

HALF_AN_HOUR = timedelta(minutes=30)


def test_it_is_requested_again_when_it_is_as_old_as_it_may_be(clock: FixedClock) -> None:
    numbers = iter(range(9))
    kept = KeptResponse(lambda: next(numbers), keep_for=HALF_AN_HOUR, clock=clock)

    found = [kept()]
    for seconds in (0, 1799, 1, 1799):
        clock.sleep(seconds)
        found.append(kept())

    assert found == [0, 0, 0, 1, 1]


def test_nothing_is_kept_of_a_request_that_fails(clock: FixedClock) -> None:
    outcomes: Iterator[int | Exception] = iter([TransientProviderError("down", provider="thinghub"), 7])

    def request() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    kept = KeptResponse(request, keep_for=HALF_AN_HOUR, clock=clock)
    with pytest.raises(TransientProviderError):
        kept()
    assert kept() == kept() == 7


def test_what_was_left_out_of_it_counts_once_for_the_run_and_for_whom_it_concerns(clock: FixedClock) -> None:
    """One bad row of a list that answers five questions is no five rejected rows of the run."""

    def request() -> str:
        bad_rows = BadRows("thinghub /things")
        bad_rows.add(3, "row 3", ParseError("odd"))
        bad_rows.log()
        return "things"

    kept = KeptResponse(request, keep_for=HALF_AN_HOUR, clock=clock)
    with counting_left_out() as whole:
        for n_concerned in (0, 2, 1):
            with counting_left_out() as left_out:
                kept()
                count_of_list(n_concerned)
            assert left_out.total() == n_concerned
        kept()
        count_of_list(1)
    assert whole == {"malformed": 1}


def test_where_nobody_counts_nothing_is_counted(clock: FixedClock) -> None:
    assert KeptResponse(lambda: 1, keep_for=HALF_AN_HOUR, clock=clock)() == 1
    count_of_list(1)
