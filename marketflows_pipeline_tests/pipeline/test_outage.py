"""A service that is away for a moment."""

from __future__ import annotations

from datetime import timedelta

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.pipeline.house import House

PAGES = "/coins/markets"
# As often as the client asks before it gives a request up.
GIVEN_UP = [faults.html(503)] * 8


def test_a_step_given_up_is_tried_once_more_after_half_a_minute_on_the_runs_own_clock(house: House) -> None:
    house.service.script(PAGES, *GIVEN_UP)
    assert house.run(), house.failure.lines
    last, again = (exchange.request.at for exchange in house.service.exchanges[7:9])
    assert again - last == timedelta(seconds=30)
