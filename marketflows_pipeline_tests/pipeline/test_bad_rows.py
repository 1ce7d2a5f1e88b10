"""One bad row in every list that the services answer: the run is good, publishes, and says what it left out."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.jobs import daily_refresh, full_refresh
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.volatility.service import DAILY_PRICES
from marketflows_pipeline_tests.fakes.yahoo.service import CHART
from marketflows_pipeline_tests.pipeline.environment import HISTORY, START, Environment, open_environment_with_exchanges
from marketflows_pipeline_tests.pipeline.market import open_market
from marketflows_pipeline_tests.published_answers import query_rows

pytestmark = pytest.mark.slow

MARKETS = "/coins/markets"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Environment]:
    """An environment that follows coins and two exchanges."""
    with open_environment_with_exchanges(tmp_path, ["kraken", "binance"]) as opened:
        opened.computes = "nothing"
        yield opened


def changed(at: int, **fields: Any) -> faults.Fault:
    """One row of a list with other fields."""
    return faults.in_json(lambda rows: [*rows[:at], rows[at] | fields, *rows[at + 1 :]])


def below(key: str, change: Callable[[list[Any]], list[Any]]) -> faults.Fault:
    """The list under a key changed."""
    return faults.in_json(lambda body: body | {key: change(body[key])})


def warnings(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)


def test_a_bad_row_in_each_list_costs_that_row_and_is_told(both: Environment, caplog: pytest.LogCaptureFixture) -> None:
    """One cap of text, one exchange without a volume, one row of /cexs: each once stopped every hour."""
    both.computes = "tables"
    service, reserves = both.service, both.reserves
    assert reserves is not None
    service.script(MARKETS, changed(3, market_cap="123"), changed(5, market_cap=math.nan))
    service.script(HISTORY, below("market_caps", lambda points: [[1_791_000_000, 5.0], *points[1:]]))
    service.script("/exchanges", changed(7, trade_volume_24h_btc="much"), changed(8, trade_volume_24h_btc=math.inf))
    service.script("/search/trending", below("coins", lambda coins: [None, *coins[1:]]))
    service.script("/exchanges/{id}/volume_chart", faults.in_json(lambda points: [*points[:-1], [1e30, "1"]]))
    reserves.script("/cexs", below("cexs", lambda rows: [*rows[:-1], rows[-1] | {"currentTvl": math.nan}]))
    reserves.script("/protocols", changed(0, name=None))
    reserves.script("/protocol/{slug}", below("tvl", lambda rows: [{"date": "today"}, *rows[1:]]))

    with caplog.at_level(logging.WARNING):
        assert both.run(job_name=full_refresh.name), both.failure.lines

    told = warnings(caplog)
    for said in (
        "`market_cap`: expected `float | null`, found str '123'",
        "`market_cap` should be a finite number, found nan",
        "`market_caps[0]`: 1791000000 ms should be from",
        "`trade_volume_24h_btc`: expected `float | null`, found str 'much'",
        "`trade_volume_24h_btc` should be a finite number, found inf",
        "coingecko /search/trending: 1 of 15 rows left out: row 0: expected `object`",
        "should be from 2026-07-11",
        "defillama /cexs: 1 of ",
        "defillama /protocols: 1 of ",
        "tvl[0]: Expected `float`, got `str`",
    ):
        assert said in told
    assert query_rows(both.published, "select distinct status from meta.publish").rows == [("fresh",)]
    assert both.metadata("raw.market_caps", "rejected")["malformed"] == 2
    assert both.metadata("raw.market_caps", "rejected")["untimely"] == 1
    noted = both.stored("select dataset from meta.fetches where note like '%1 rows left out as malformed%'")
    assert {"listing", "protocols", "protocol"} <= set(noted["dataset"])
    n_early = both.stored("select count(*) as n from raw.market_caps where ts < '2009-01-01'").item()
    assert n_early == 0


def test_a_member_whose_row_is_malformed_keeps_its_place(env: Environment) -> None:
    """Bitcoin's cap came as text for an hour, and its narrative was drawn without it, a fifth of what it had been."""
    assert env.run(), env.failure.lines
    before = env.stored("select coin_id, rank from raw.narrative_members where not is_reserve order by rank").rows()

    env.service.script(MARKETS, changed(0, market_cap="123"))
    assert env.run(hours_later=1), env.failure.lines

    last = "select coin_id, rank from raw.narrative_members where not is_reserve"
    last += " qualify observed_at = max(observed_at) over () order by rank"
    assert env.stored(last).rows()[0] == before[0] == ("bitcoin", 1)
    assert env.stored(last).height == len(before)
    levels = env.stored("select market_cap_usd from core.group_totals where category = 'Narratives' order by ts")
    assert levels["market_cap_usd"][-1] > 0.9 * levels["market_cap_usd"][-2]


def test_a_malformed_row_lets_no_excluded_coin_into_the_whale_signals(both: Environment) -> None:
    """A stablecoin whose cap came as text for once would have been a whale signal all day."""
    assert both.run(job_name=daily_refresh.name), both.failure.lines
    excluded = "select category, coin_id from raw.excluded_coins qualify observed_at = max(observed_at) over ()"
    before = both.stored(f"{excluded} order by all").rows()

    # The first page of the day's run after that of the trending coins.
    both.service.script(MARKETS, None, changed(0, market_cap="123"))
    assert both.run(job_name=daily_refresh.name, hours_later=24), both.failure.lines

    noted = both.stored("select note from meta.fetches where dataset = 'excluded_category' and note is not null")
    assert noted["note"].to_list() == ["1 rows left out as malformed"]
    assert both.stored(f"{excluded} order by all").rows() == before


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.parametrize(
    "stamp",
    [
        lambda ms: ms // 1000,
        lambda ms: ms * 1000,
        lambda ms: -ms,
        lambda _: 1e30,
        lambda _: math.nan,
        lambda ms: ms + 3 * 86_400_000 * 7,
    ],
    ids=["seconds", "microseconds", "negative", "1e30", "NaN", "weeks ahead"],
)
def test_a_history_at_impossible_times_is_not_stored_and_asked_for_again(
    env: Environment, stamp: Callable[[int], float]
) -> None:
    """Seconds for milliseconds were stored as 1970, and a month of a coin was drawn as a straight line from there."""
    env.configure(repair_calls_per_run=0)
    spoil = faults.in_json(lambda body: {key: [[stamp(ms), v] for ms, v in body[key]] for key in body})
    env.service.script(HISTORY, spoil)
    env.run()
    coin = env.metadata("raw.market_caps", "failed")
    env.calls()

    assert len(coin) == 1
    span = env.stored("select min(ts) as first, max(ts) as last from raw.market_caps").row(0)
    assert span[0] > START - timedelta(days=8)
    assert span[1] <= START
    assert env.run(hours_later=1), env.failure.lines
    assert env.calls()[HISTORY] == 1


@pytest.mark.usefixtures("fetches_only")
def test_a_row_of_a_page_that_is_dated_ahead_is_not_stored(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    """A row dated in three days once hid that the newest real one was ten days old."""
    ahead = (START + timedelta(days=3)).isoformat()
    env.service.script(MARKETS, *[changed(0, last_updated=ahead)] * 2)

    with caplog.at_level(logging.WARNING):
        assert env.run(), env.failure.lines
    assert "`last_updated` should be from 2009-01-01 00:00 to 2026-10-10 12:10 UTC, found 2026-10-13" in warnings(
        caplog
    )
    assert env.stored("select max(ts) as last from raw.market_caps").item() <= env.clock.now()


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.parametrize("n_right", [0, 1], ids=["narrative", "cohort"])
def test_an_empty_first_page_is_told_in_one_line(env: Environment, n_right: int) -> None:
    """It once was "cannot concat empty list"."""
    env.service.script(MARKETS, *[None] * n_right, *[faults.json_error(200, [])] * 4)

    assert not env.run()
    assert env.failure.exit_code == 1
    (line,) = env.failure.lines
    assert "coingecko /coins/markets" in line
    assert "an empty first page" in line


@pytest.mark.parametrize(
    ("endpoint", "body", "said"),
    [
        ("/exchanges", [], "coingecko /exchanges: .*an empty first page"),
        ("/exchanges", None, "coingecko /exchanges: .*expected a list, found nothing"),
        ("/exchanges", {}, "coingecko /exchanges: .*expected a list, found an object"),
    ],
)
def test_an_empty_list_of_exchanges_is_told_in_one_line(
    both: Environment, endpoint: str, body: object, said: str
) -> None:
    both.service.script(endpoint, *[faults.json_error(200, body)] * 6)

    assert not both.run(job_name=full_refresh.name)
    assert both.failure.exit_code == 1
    assert [line for line in both.failure.lines if re.search(said, line)]


def test_a_bad_bar_and_a_bad_close_cost_their_sessions_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One null timestamp once left an asset without its day, and one line of 9,000 a run without VIX."""

    def spoil_bars(body: Any) -> Any:
        (result,) = body["chart"]["result"]
        result["indicators"]["quote"][0]["close"][3] = "100"
        result["timestamp"][4] = 1e30
        return body

    with open_market(tmp_path, START) as market:
        market.yahoo.script(CHART, faults.in_json(spoil_bars))
        market.cboe.script(
            DAILY_PRICES, lambda reply: replace(reply, body=reply.body + b"10/32/2026,1.00,1.00,1.00,20.00\n")
        )

        with caplog.at_level(logging.WARNING):
            assert market.run(), market.env.failure.lines

    told = warnings(caplog)
    assert "2 rows and actions left out: row 3: `close_usd`: expected `float | null`, found str '100'; row 4" in told
    assert "'10/32/2026' is no date such as" in told
    noted = market.rows("select dataset, note from meta.fetches where note like '%left out%' order by dataset")
    bars = "1 rows left out as malformed, 1 rows left out as untimely"
    assert noted == [
        ("bars", bars),
        ("bars_history", bars),
        ("volatility", "1 rows left out as malformed"),
    ]
