"""A service that fails: for a moment, for an hour, or for one coin alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketflows_pipeline.options import WAIT_OF_A_COMMAND, WAIT_OF_A_RUN
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.pipeline.environment import HISTORY, START, Environment

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fetches_only")]

PAGES = "/coins/markets"
# As often as the client asks before it gives a request up.
GIVEN_UP = [faults.html(503)] * 8
SHAPE = faults.json_error(200, {"gecko_says": "hi"})
REFUSAL = faults.json_error(422, {"error": "no chart for this coin"})


def outcomes(env: Environment, table: str = "backfills") -> set[tuple[str, str]]:
    """Everything that came of histories but success: coin and outcome."""
    return set(
        env.stored(
            f"select coin_id, outcome from meta.{table} where outcome in ('refused', 'not_found', 'failed')"
        ).rows()
    )


def test_a_step_given_up_is_tried_once_more_after_half_a_minute_on_the_runs_own_clock(env: Environment) -> None:
    env.service.script(PAGES, *GIVEN_UP)
    assert env.run(), env.failure.lines
    pages = [exchange for exchange in env.service.exchanges if exchange.request.endpoint == PAGES]
    last, again = (exchange.request.at for exchange in pages[7:9])
    assert again - last == timedelta(seconds=30)


@pytest.mark.parametrize("limit", [WAIT_OF_A_RUN, WAIT_OF_A_COMMAND])
def test_both_layers_of_retries_share_one_limit(env: Environment, limit: timedelta) -> None:
    """The second try of a step began another 300 s: a run whose service was away took seven minutes to say so."""
    env.service.script(PAGES, *[faults.html(520)] * 100)
    assert not env.run(wait_limit=limit)
    assert env.failure.exit_code == 1
    assert env.clock.now() - START <= limit + timedelta(milliseconds=1)
    (line,) = env.failure.lines
    assert "HTTP 520" in line
    assert "try again in a few minutes" in line


def test_a_run_with_a_limit_asks_nothing_beyond_it_and_gives_the_lock_back(env: Environment) -> None:
    """Parts that each waited five minutes for another service once held the lock into the next hour."""
    env.configure("run", limit_minutes=1)
    env.service.script(PAGES, *[faults.html(503)] * 100)
    assert not env.run()
    assert env.failure.exit_code == 1
    assert env.clock.now() - START <= timedelta(minutes=1, milliseconds=1)
    assert len(env.failure.lines) == 1
    env.service.forgive()
    assert env.run(hours_later=1), env.failure.lines


def test_a_limit_that_comes_among_the_histories_leaves_the_others_to_a_later_run(
    env: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    # Coverage is checked on the grid.
    env.computes = "tables"
    env.configure("run", limit_minutes=3)
    env.configure(calls_per_minute=5)
    with caplog.at_level("WARNING"):
        assert not env.run()
    assert env.failure.exit_code == 1
    assert "check coverage_is_sufficient" in env.failure.lines[0], "what was fetched is too little to publish"
    assert "coins wait for a later run: the run's time limit is reached" in caplog.text
    assert env.clock.now() - START <= timedelta(minutes=4)
    env.configure("run", limit_minutes=60)
    assert env.run(hours_later=1), env.failure.lines
    assert env.published.exists()


def test_a_service_that_asks_for_a_longer_pause_is_left_alone_and_the_line_says_until_when(
    env: Environment,
) -> None:
    env.service.script(PAGES, faults.json_error(429, {}, {"retry-after": "1800"}))
    assert not env.run()
    assert env.calls()[PAGES] == 1
    assert env.clock.now() == START
    assert "the service asks to retry at 12:35 UTC (in 30 minutes)" in env.failure.lines[0]


def test_a_page_of_another_shape_is_asked_for_once_and_said_at_once(env: Environment) -> None:
    """JSON of the wrong shape was asked for again by a second layer: 420 s until the exit."""
    env.service.script(PAGES, SHAPE, SHAPE)
    assert not env.run()
    assert env.failure.exit_code == 1
    assert env.calls()[PAGES] == 1
    assert env.clock.now() == START
    assert "coingecko /coins/markets: a response of an unexpected shape" in env.failure.lines[0]


@pytest.mark.parametrize(
    "fault", [faults.html(520), faults.html(530), faults.truncated(), faults.empty(), faults.html(425)]
)
def test_a_passing_fault_of_one_history_refuses_no_coin(env: Environment, fault: faults.Fault) -> None:
    """A 520 from the CDN once marked bitcoin refused for a day."""
    env.configure(repair_calls_per_run=0)
    env.service.script(HISTORY, *[None] * 9, *[fault] * 8)
    assert env.run(), env.failure.lines
    ((coin, outcome),) = outcomes(env)
    assert outcome == "failed"
    env.calls()
    assert env.run(hours_later=1), env.failure.lines
    assert env.calls()[HISTORY] == 1
    assert ends(env, coin) == ["failed", "complete"]


def ends(env: Environment, coin: str) -> list[str]:
    """What came of each attempt at a coin's history."""
    attempts = env.stored(f"select outcome from meta.backfills where coin_id = '{coin}' order by attempted_at")
    return attempts["outcome"].to_list()


def test_a_history_of_another_shape_failed_and_the_run_goes_on(env: Environment) -> None:
    env.configure(repair_calls_per_run=0)
    env.service.script(HISTORY, *[None] * 9, SHAPE)
    assert env.run(), env.failure.lines
    ((coin, outcome),) = outcomes(env)
    assert outcome == "failed"
    assert env.run(hours_later=1), env.failure.lines
    assert ends(env, coin) == ["failed", "complete"]


def test_when_all_histories_are_of_another_shape_the_run_says_so_after_three(env: Environment) -> None:
    env.service.script(HISTORY, *[SHAPE] * 100)
    assert not env.run()
    assert env.calls()[HISTORY] == 3
    assert any("a response of an unexpected shape" in line for line in env.failure.lines)
    assert env.clock.now() == START


def test_a_refused_history_is_tried_once_more_and_then_once_a_day(env: Environment) -> None:
    env.configure(repair_calls_per_run=0)
    env.service.script(HISTORY, *[None] * 9, REFUSAL)
    assert env.run(), env.failure.lines
    env.calls()
    asked = []
    for hours_later in (1, 1, 1, 23):
        env.service.script(HISTORY, REFUSAL)
        assert env.run(hours_later=hours_later), env.failure.lines
        asked.append(env.calls()[HISTORY])
        env.service._scripts.clear()
    assert asked == [1, 0, 0, 1]


@pytest.mark.usefixtures("after_first_run")
def test_a_passing_fault_leaves_no_gap_for_good(env: Environment) -> None:
    """One 520 closed the repairs of the ten most important coins for ever."""
    env.configure(repair_calls_per_run=1)
    env.service.script(HISTORY, *[faults.html(522)] * 8)
    assert env.run(hours_later=6), env.failure.lines
    assert outcomes(env, "repairs") == {("bitcoin", "failed")}
    assert env.run(hours_later=1), env.failure.lines
    assert ("bitcoin", "filled") in env.stored("select coin_id, outcome from meta.repairs").rows()


@pytest.mark.usefixtures("after_first_run")
def test_gaps_that_an_earlier_version_marked_as_refused_are_tried_once_more(env: Environment) -> None:
    env.configure(repair_calls_per_run=1)
    env.service.script(HISTORY, REFUSAL)
    assert env.run(hours_later=6), env.failure.lines
    assert outcomes(env, "repairs") == {("bitcoin", "refused")}
    assert env.run(hours_later=1), env.failure.lines
    assert ("bitcoin", "filled") in env.stored("select coin_id, outcome from meta.repairs").rows()


def test_three_coins_that_always_fail_end_two_runs_and_no_third(env: Environment) -> None:
    """Coins whose answers were never right came first in every run, and three of them in a row ended each."""
    env.configure(repair_calls_per_run=0)
    env.run()
    n_coins = env.calls()[HISTORY]
    env.configure(days=8)
    ran = []
    for n_good in (n_coins - 3, 0, 0):
        env.service.script(HISTORY, *[None] * n_good, *[SHAPE] * 3)
        ran.append(env.run(hours_later=1))
        assert env.calls()[HISTORY] == n_good + 3
    assert ran == [False, False, True], env.failure.lines


def test_the_waits_of_a_healthy_run_do_not_count(env: Environment) -> None:
    env.configure(calls_per_minute=2)
    assert env.run(), env.failure.lines
    assert env.clock.now() - START > timedelta(minutes=10)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "SSL_CERT_FILE"])
def test_an_environment_that_cannot_be_used_ends_the_run_in_one_line(
    env: Environment, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "gopher://nowhere")
    assert not env.run()
    assert env.failure.exit_code == 2
    (line,) = env.failure.lines
    assert line.startswith(f"{name}='gopher://nowhere': expected ")
