"""The cross-asset part as a whole, against stand-ins of its services, from the first run on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.jobs import full_refresh, train_models
from marketflows_pipeline.warehouse.quarantine import quarantine_by_hand
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.volatility.service import DAILY_PRICES
from marketflows_pipeline_tests.fakes.yahoo.service import CHART
from marketflows_pipeline_tests.pipeline.environment import Environment
from marketflows_pipeline_tests.pipeline.market import Market, open_market

pytestmark = pytest.mark.slow

# The Friday before QQQ is split ten for one, half an hour after New York's close.
FRIDAY = datetime(2026, 9, 18, 22, 45, tzinfo=UTC)
UNIVERSE = 11


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with open_market(tmp_path, FRIDAY) as opened:
        yield opened


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    with open_market(tmp_path_factory.mktemp("first_run"), FRIDAY) as opened:
        assert opened.run(), opened.env.failure.lines
    return opened.env


@pytest.fixture
def after_first_run(market: Market, first_run: Environment) -> None:
    """The test begins after the first run of the part, whose calls are not counted."""
    market.env.continue_from(first_run)


def test_the_first_run_fills_and_publishes_what_needs_no_model(market: Market) -> None:
    assert market.run(), market.env.failure.lines
    filled = [
        "raw.daily_bars",
        "raw.corporate_actions",
        "raw.shares_outstanding",
        "raw.volatility_index",
        "core.asset_flows",
        "mart.flow_rankings",
        "mart.flow_map",
        "mart.rolling_stats",
        "mart.correlations",
        "mart.regimes",
        "mart.pressure",
    ]
    assert [name for name in filled if market.published(f"select count(*) from {name}") == [(0,)]] == []
    assert market.rows("select count(distinct symbol) from core.asset_flows") == [(UNIVERSE,)]
    methods = market.methods()
    assert {methods[symbol] for symbol in ("SPY", "DIA", "IWM", "SLV", "TLT", "GLD")} == {"shares"}
    assert methods["QQQ"] == "price_only", "its issuer shows one session, and a flow needs two"
    assert market.rows("select session, source from raw.shares_outstanding where symbol = 'QQQ'") == [
        (FRIDAY.date(), "invesco:snapshot")
    ]


def test_a_day_is_asked_for_once(market: Market) -> None:
    market.run()
    asked = market.yahoo.calls()
    assert asked == UNIVERSE
    assert market.run(hours_later=1)
    assert market.yahoo.calls() == asked
    assert market.run(asks_again=True)
    assert market.yahoo.calls() == 2 * asked


@pytest.mark.usefixtures("after_first_run")
def test_the_next_session_asks_for_the_last_days_only(market: Market) -> None:
    market.yahoo.exchanges.clear()
    # a Monday on which QQQ was split, so that it alone is asked for from the start
    assert market.run(hours_later=72), market.env.failure.lines
    starts = [int(exchange.request.params["period1"]) for exchange in market.yahoo.exchanges]
    whole = [start for start in starts if start < datetime(2025, 1, 3, tzinfo=UTC).timestamp()]
    assert (len(starts), len(whole)) == (UNIVERSE + 1, 1)


@pytest.mark.usefixtures("after_first_run")
def test_a_split_rewrites_the_whole_history_and_leaves_what_was_traded(market: Market) -> None:
    closes = "select session, close_usd, as_traded_close_usd from raw.daily_bars where symbol = 'QQQ' order by session"
    before = market.env.stored(closes)
    market.run(hours_later=72)
    after = market.env.stored(closes).head(before.height)
    assert (before["close_usd"] / after["close_usd"] - 10).abs().max() < 1e-3  # type: ignore[operator]
    assert (before["as_traded_close_usd"] / after["as_traded_close_usd"] - 1).abs().max() < 1e-3  # type: ignore[operator]
    assert market.rows("select count(*) from core.asset_flows where symbol = 'QQQ' and abs(price_return) > 0.3") == [
        (0,)
    ]


@pytest.mark.usefixtures("after_first_run")
def test_a_split_is_one_revision_of_its_symbol_and_a_changed_close_one_of_its_session(market: Market) -> None:
    # What an earlier answer said of a session that was over by then.
    session = market.rows("select max(session) from raw.daily_bars where symbol = 'SPY'")[0][0]
    with Warehouse(market.env.folder / ".marketflows" / "warehouse.duckdb") as warehouse:
        warehouse.execute("update raw.daily_bars set close_usd = 1 where symbol = 'SPY' and session = ?", [session])
    assert market.run(hours_later=72), market.env.failure.lines
    revised = "select key, column_name, cause, n_changes > 100 from meta.revisions where table_name = 'raw.daily_bars'"
    assert market.rows(f"{revised} and key like 'QQQ%'")[0][2:] == ("bars_history", True)
    assert market.rows(f"{revised} and key like 'SPY%'") == []
    with Warehouse(market.env.folder / ".marketflows" / "warehouse.duckdb") as warehouse:
        warehouse.execute("update raw.daily_bars set close_usd = 1 where symbol = 'SPY' and session = ?", [session])
    assert market.run(hours_later=24), market.env.failure.lines
    assert market.rows(f"{revised} and key like 'SPY%'") == [(f"SPY,{session}", "close_usd", "bars", False)]


@pytest.mark.usefixtures("after_first_run")
def test_impossible_bars_shares_and_indices_are_left_out_and_the_run_goes_on(market: Market) -> None:
    """A close of 0 that was stored once failed its blocking check in every later run."""
    with Warehouse(market.env.private) as warehouse:
        warehouse.execute("update raw.daily_bars set close_usd = 0 where symbol = 'SPY' and session = '2025-06-03'")
        warehouse.execute(
            "update raw.shares_outstanding set shares = 1e30 where symbol = 'SPY' and session = '2025-06-05'"
        )
        warehouse.execute(
            "update raw.volatility_index set close = -1 where index_name = 'VIX' and session = '2025-06-04'"
        )
    assert market.run(hours_later=24), market.env.failure.lines
    assert market.rows("select table_name, key from meta.quarantine order by all") == [
        ("raw.daily_bars", "SPY,2025-06-03"),
        ("raw.shares_outstanding", "SPY,2025-06-05,1"),
        ("raw.volatility_index", "VIX,2025-06-04"),
    ]
    sessions = "select count(*) from core.asset_flows where symbol = 'SPY' and session = '2025-06-03'"
    assert market.rows(sessions) == [(0,)]
    assert market.rows("select count(*) from mart.regimes where vix < 0") == [(0,)]


@pytest.mark.usefixtures("after_first_run")
def test_a_split_that_is_left_out_stays_so_and_is_not_taken_for_a_new_one_each_day(market: Market) -> None:
    """Services have listed splits that never were; the whole history would be asked for again every day."""
    assert market.run(hours_later=72), market.env.failure.lines
    as_traded = (
        "select as_traded_close_usd = close_usd from raw.daily_bars where symbol = 'QQQ' and session = '2026-09-17'"
    )
    assert market.rows(as_traded) == [(False,)]
    with Warehouse(market.env.private) as warehouse:
        split = "QQQ,2026-09-21,split"
        assert quarantine_by_hand(warehouse, "raw.corporate_actions", split, "", reason="never was", at=FRIDAY)
    market.yahoo.exchanges.clear()
    assert market.run(hours_later=24), market.env.failure.lines
    assert len(market.yahoo.exchanges) == UNIVERSE, "each asset once, for its last days"
    assert market.rows(as_traded) == [(True,)]


@pytest.mark.usefixtures("after_first_run")
def test_a_split_that_the_service_moves_to_the_next_session_counts_once(market: Market) -> None:
    """Ten for one on Monday became ten for one on Tuesday, and closes of the years before were a hundred times."""
    assert market.run(hours_later=72), market.env.failure.lines
    as_traded = "select as_traded_close_usd / close_usd from raw.daily_bars where symbol = 'QQQ' and session = '{}'"
    assert market.rows(as_traded.format("2025-06-03"))[0][0] == pytest.approx(10)

    def moved(body: dict[str, Any]) -> dict[str, Any]:
        result = body["chart"]["result"][0]
        if result["meta"]["symbol"] == "QQQ":
            for split in result["events"]["splits"].values():
                split["date"] += 86_400
        return body

    for _ in range(2):
        market.yahoo.script(CHART, *[faults.in_json(moved)] * (UNIVERSE + 1))
        assert market.run(hours_later=24), market.env.failure.lines
        market.yahoo.forgive()

        assert market.rows(as_traded.format("2025-06-03"))[0][0] == pytest.approx(10)
        assert market.rows(as_traded.format("2026-09-18"))[0][0] == pytest.approx(10)
        assert market.rows("select key, rule from meta.quarantine") == [("QQQ,2026-09-21,split", "repeated")]
    assert market.rows("select count(*) from raw.corporate_actions where symbol = 'QQQ' and action = 'split'") == [(2,)]


@pytest.mark.usefixtures("after_first_run")
def test_a_restatement_is_kept_beside_what_was_said_before(market: Market) -> None:
    restated = market.issuers.funds.ssga["spy"][100].session
    market.issuers.restate(market.issuers.funds.ssga["spy"], restated, 1_234_000_000)
    assert market.run(hours_later=24), market.env.failure.lines
    vintages = market.rows(
        "select vintage, shares from raw.shares_outstanding"
        f" where symbol = 'SPY' and session = '{restated}' order by vintage"
    )
    assert [vintage for vintage, _ in vintages] == [1, 2]
    assert vintages[1][1] == 1_234_000_000
    revised = market.rows("select key, column_name, old, new from meta.revisions where cause = 'shares'")
    assert (f"SPY,{restated},2", "shares", vintages[0][1], 1_234_000_000.0) in revised
    assert {str(key).partition(",")[0] for key, *_ in revised} == {"SPY"}


@pytest.mark.usefixtures("after_first_run")
def test_an_answer_that_is_too_short_changes_nothing(market: Market) -> None:
    before = market.rows("select count(*), sum(close_usd) from raw.daily_bars")
    market.cboe.script(DAILY_PRICES, *[faults.html(200)] * 20)
    market.yahoo.script(CHART, *[faults.html(200)] * 8)
    assert market.run(asks_again=True), market.env.failure.lines
    assert market.rows("select count(*), sum(close_usd) from raw.daily_bars") == before
    # FRED stands in where Cboe sends a page for people
    assert market.rows(
        "select outcome from meta.fetches where dataset = 'volatility' order by attempted_at desc limit 1"
    ) == [("complete",)]


def test_effects_explain_the_change_of_market_caps(market: Market) -> None:
    market.run(hours_later=72)
    worst = market.rows(
        "select max(abs(market_cap_change_usd - price_effect_usd - share_effect_usd) / market_cap_usd)"
        " from core.asset_flows"
    )
    assert worst[0][0] is not None
    assert worst[0][0] < 1e-9  # type: ignore[operator]


def test_without_the_table_in_the_settings_nothing_is_asked_and_the_run_is_good(market: Market) -> None:
    del market.env.settings["cross_asset"]
    assert market.env.run(job_name=full_refresh.name), market.env.failure.lines
    assert market.yahoo.calls() == 0
    assert market.env.run(job_name=train_models.name), market.env.failure.lines


def test_market_caps_of_the_first_part_are_the_supply_of_coins(market: Market) -> None:
    assert market.env.run(job_name=full_refresh.name), market.env.failure.lines
    market.env.clock.set(market.env.clock.now())
    methods = {symbol: market.methods()[symbol] for symbol in ("BTC", "ETH")}
    assert methods == {"BTC": "supply", "ETH": "supply"}
    ranked = market.rows(
        "select count(*) from mart.flow_rankings where symbol in ('BTC', 'ETH') and (inflow_rank is not null"
        " or outflow_rank is not null)"
    )
    assert ranked == [(0,)], "issuance is shown, not ranked"
