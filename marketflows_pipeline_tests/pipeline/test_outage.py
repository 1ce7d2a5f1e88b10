"""A service that is away: for a moment, and for longer."""

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


def test_a_service_that_stays_away_fails_the_run_with_one_clear_line_and_leaves_what_is_stored(house: House) -> None:
    house.run()
    before = house.stored("select coin_id, ts, market_cap_usd from raw.market_caps order by all")
    published = house.published.resolve()
    house.calls()
    house.service.script(PAGES, *GIVEN_UP, *GIVEN_UP)
    assert not house.run(hours_later=1)
    assert house.calls().total() == 16
    (line,) = house.failure.lines
    assert "503" in line
    assert "a later run asks again" in line
    assert house.failure.exit_code == 1
    assert house.stored("select coin_id, ts, market_cap_usd from raw.market_caps order by all").equals(before)
    assert house.published.resolve() == published
