"""Every check passes on a good run and fails on the fault it is there for: a check that can't fail checks nothing."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest

from marketflows_pipeline.checks import checks_of
from marketflows_pipeline.checks.model import Check, evaluate_and_log
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import full_refresh
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.run_context import RunContext, open_run
from marketflows_pipeline.schema import PARTS, tables_of
from marketflows_pipeline.settings.universe import FUND_ISSUERS
from marketflows_pipeline.transforms.plausibility import BOUNDS
from marketflows_pipeline_tests.dagster_graph.check_faults import CHECK_FAULTS
from marketflows_pipeline_tests.fakes.coingecko.access import Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.defillama.protocols import make_cast
from marketflows_pipeline_tests.fakes.defillama.service import FakeDefiLlama
from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import make_rows
from marketflows_pipeline_tests.fakes.fund_issuers.service import FakeIssuers, Funds, make_funds
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.volatility.service import FakeCboe
from marketflows_pipeline_tests.fakes.yahoo.service import FakeYahoo
from marketflows_pipeline_tests.pipeline.environment import START, Environment

pytestmark = pytest.mark.slow

QUARANTINED = [f"{name}:no_row_was_quarantined_lately" for name in BOUNDS]
KEYED = [f"{entry.name}:key_is_unique_and_not_null" for part in PARTS for entry in tables_of(part)]
VIEWS = ("mart.metrics", "mart.narrative_index", "mart.exchange_market", "mart.exchange_tvl_summary")

FAULTS = CHECK_FAULTS | {
    name: f"insert into meta.quarantine values ('{name.partition(':')[0]}', 'x', 'y', 'too large', 'rule', 'bounds',"
    " timestamptz '2026-10-10 11:30:00Z', null, null)"
    for name in QUARANTINED
}
# The fake's funds have no rows of models, seven days are no rotation, and its only narrative overlaps with none.
WITHOUT_ROWS = (
    "mart.range_migration",
    "mart.range_chain",
    "core.stablecoin_issuance",
    "mart.model_evaluation",
    "mart.model_forecasts",
    "mart.model_scores",
    "mart.rotation",
    "mart.narrative_overlap",
    # Its settings have no second provider, no groups, no reference series and no tables of reported flows.
    "raw.cross_check_caps",
    "core.provider_comparison",
    "mart.provider_differences",
    "mart.fund_group_flows",
    "raw.reference_series",
    "mart.reference_series",
    "raw.reported_flows",
    "mart.flow_comparison",
)


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment after one good run, unit scaling included."""
    clock = FixedClock(START)
    market = generate(12, start=START, has_churn=False, has_flaws=False)
    with (
        FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as service,
        FakeDefiLlama(make_cast(7, START, days=20, fillers=5), clock=clock) as reserves,
        FakeYahoo(clock=clock) as yahoo,
        FakeIssuers(_unsplit(make_funds(7, START.date(), sessions=200)), clock=clock) as issuers,
        FakeCboe(clock=clock) as cboe,
    ):
        env = Environment(tmp_path_factory.mktemp("good"), service, clock, reserves=reserves)
        env.addresses = {"yahoo": yahoo.url, "cboe": cboe.url, "fred": cboe.url}
        env.addresses |= dict.fromkeys(FUND_ISSUERS, issuers.url)
        env.configure("cross_asset", start="2026-01-02")
        env.configure("analysis", is_unit_normalize=True, ema_periods=[5], diff_orders=[0, 1])
        env.configure("exchanges", tracked=["kraken", "okex"])
        env.computes = "measures"
        assert env.run(job_name=full_refresh.name), env.failure.lines
        yield env


@pytest.fixture(scope="module")
def opened(good_run: Environment) -> Iterator[RunContext]:
    """A run over the good one."""
    options = RunOptions(config=good_run.folder / "config.toml", secrets=good_run.folder / "secrets.toml")
    with open_run(options, run_id="test", clock=good_run.clock) as run:
        yield run


@pytest.fixture
def run(opened: RunContext) -> Iterator[RunContext]:
    """The good run; whatever a test breaks in it is rolled back after the test."""
    with contextlib.suppress(RolledBack), opened.warehouse.transaction(alters=True):
        yield opened
        raise RolledBack


class RolledBack(Exception):
    """Ends a test's transaction."""


def _unsplit(funds: Funds) -> Funds:
    """Without SLV's split, which the stand-in of the price service does not list."""
    days = [row.session for row in funds.blackrock["239855"]]
    return replace(funds, blackrock=funds.blackrock | {"239855": make_rows(12, days, nav=17.0, baskets=10_000)})


def named_checks() -> dict[str, Check]:
    checks = [check for part in PARTS for check in checks_of(part)]
    return {f"{'.'.join(check.spec.asset_key.path)}:{check.spec.name}": check for check in checks}


def verdict(name: str, run: RunContext) -> dg.AssetCheckResult:
    return named_checks()[name].evaluate(run)


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert set(named_checks()) == {*KEYED, *FAULTS}


@pytest.mark.parametrize("name", [*KEYED, *FAULTS])
def test_a_good_run_passes(name: str, run: RunContext) -> None:
    assert verdict(name, run).passed


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found_and_shown(name: str, run: RunContext) -> None:
    run.warehouse.execute(FAULTS[name])
    result = verdict(name, run)
    assert not result.passed
    assert result.metadata["offending_rows"].value
    assert "worst" in result.metadata


@pytest.mark.parametrize("name", [name for name in KEYED if not name.startswith((*VIEWS, *WITHOUT_ROWS))])
def test_a_repeated_key_is_found(name: str, run: RunContext) -> None:
    table = name.split(":", maxsplit=1)[0]
    run.warehouse.execute(f"insert into {table} select * from {table} limit 1")
    assert not verdict(name, run).passed


@pytest.mark.parametrize("name", QUARANTINED)
def test_what_was_quarantined_long_ago_or_released_is_counted_and_no_news(name: str, run: RunContext) -> None:
    """A warning of every hour for ever is one that nobody reads."""
    run.warehouse.execute(FAULTS[name])
    run.warehouse.execute("update meta.quarantine set added_at = added_at - interval 1 day")
    result = verdict(name, run)
    assert result.passed
    assert result.metadata["quarantined"].value == 1
    run.warehouse.execute("update meta.quarantine set released_at = added_at, released_by = 'user'")
    assert verdict(name, run).metadata["quarantined"].value == 0


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("raw.market_caps:market_caps_are_positive", "market_cap_usd of bitcoin,"),
        ("raw.daily_bars:closes_are_positive", "close_usd of SPY,"),
    ],
)
def test_an_impossible_value_that_was_released_is_named_with_the_command_that_leaves_it_out(
    name: str, first: str, run: RunContext
) -> None:
    """What the run said was "conversion from f64 to i128 failed", and of no coin."""
    run.warehouse.execute(FAULTS[name])
    told = verdict(name, run).metadata
    assert str(told["first"].value).startswith(first)
    typed = f"marketflows --config {run.options.config} quarantine add {name.partition(':')[0]} "
    assert str(told["leave_it_out"].value).startswith(typed)


def test_a_row_that_two_metric_tables_share_is_found(run: RunContext) -> None:
    run.warehouse.execute(
        "insert into mart.ema select category, series, base_asset, 1 as ema_period, ts, value"
        " from mart.normalized limit 1"
    )
    assert not verdict("mart.metrics:key_is_unique_and_not_null", run).passed


def test_without_credits_old_figures_are_a_warning_since_nothing_newer_can_be_had(run: RunContext) -> None:
    run.warehouse.execute(FAULTS["raw.market_caps:newest_observation_is_recent"])
    limit = run.settings.source.monthly_credits
    run.warehouse.execute(
        "insert into meta.api_calls select 'x' || range, (select max(sent_at) from meta.api_calls), 'coingecko',"
        f" '/x', '/x', 1, 200, 'ok', null, 1.0, 'test' from range({limit})"
    )
    result = verdict("raw.market_caps:newest_observation_is_recent", run)
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN


def test_all_but_the_warnings_block_what_comes_after() -> None:
    warnings = {
        "caps_do_not_jump",
        "index_prices_are_known",
        "supply_is_not_revised",
        "no_row_was_quarantined_lately",
        "newest_categories_are_recent",
        "daily_answers_are_recent",
        "no_tracked_exchange_is_lost",
        "netflow_agrees_with_tvl",
        "large_tokens_do_not_vanish",
        "large_tokens_do_not_appear",
        "newest_bar_is_recent",
        "closes_do_not_jump",
        "closes_are_adjusted_for_splits",
        "no_flow_is_very_large",
        "splits_are_listed",
        "reported_flows_fit_without_a_lag",
        "closes_are_not_adjusted_for_dividends",
        "no_model_looks_too_good",
    }
    for check in named_checks().values():
        assert check.spec.blocking == (check.spec.name not in warnings), check.spec.name


WARNED = {
    "core.market_cap_grid:caps_do_not_jump": (
        r"check caps_do_not_jump of core\.market_cap_grid: 1 row \(threshold_pct = 50\): coin_id bitcoin, "
        r"ts 2026-10-10 12:00 UTC, .*change_pct \d+"
    ),
    "raw.protocols:daily_answers_are_recent": (
        r"check daily_answers_are_recent of raw\.protocols: 1 row \(newest = 2026-10-09 09:05.*\): newest 2026-10-09"
    ),
    "core.exchanges:no_tracked_exchange_is_lost": (
        r"check no_tracked_exchange_is_lost of core\.exchanges: 1 row: .*kraken.*lost volume, last_seen_at 2026-10-09"
    ),
    "core.asset_flows:closes_do_not_jump": (
        r"check closes_do_not_jump of core\.asset_flows: \d+ rows \(threshold = 0\.35\): symbol QQQ, session 2026-"
        r"\d\d-\d\d, price_return 9, close_usd .*; and \d+ more$"
    ),
    "mart.model_evaluation:no_model_looks_too_good": (
        r"check no_model_looks_too_good of mart\.model_evaluation: 1 row .*model_id direction_5_logistic_x"
    ),
}


@pytest.mark.parametrize("name", WARNED)
def test_a_warning_is_a_line_of_the_log_with_subject_time_and_figure(
    name: str, run: RunContext, caplog: pytest.LogCaptureFixture
) -> None:
    """84 rows of jumps were once to be seen in the UI only; the run said "done" and nothing else."""
    run.warehouse.execute(FAULTS[name])
    evaluate_and_log(named_checks()[name], run)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert re.search(WARNED[name], line), line


def test_a_check_that_passes_or_blocks_is_no_warning(run: RunContext, caplog: pytest.LogCaptureFixture) -> None:
    blocking = named_checks()["raw.market_caps:market_caps_are_positive"]
    assert evaluate_and_log(blocking, run).passed
    run.warehouse.execute(FAULTS["raw.market_caps:market_caps_are_positive"])
    assert not evaluate_and_log(blocking, run).passed
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_every_check_that_does_not_block_warns_where_it_finds_something(
    run: RunContext, caplog: pytest.LogCaptureFixture
) -> None:
    for name, check in named_checks().items():
        if not check.spec.blocking:
            run.warehouse.execute(FAULTS[name])
            caplog.clear()
            evaluate_and_log(check, run)
            assert [record.levelname for record in caplog.records] == ["WARNING"], name


@pytest.mark.parametrize(
    ("lower", "severity"), [(0.54, dg.AssetCheckSeverity.WARN), (0.59, dg.AssetCheckSeverity.ERROR)]
)
def test_every_variant_of_a_model_is_looked_at(run: RunContext, lower: float, severity: dg.AssetCheckSeverity) -> None:
    """The check looked at the model with flows alone, and at nothing below 0.58."""
    run.warehouse.execute(
        "insert into mart.model_evaluation values ('direction_5_logistic_x', 'without_flows', 'auc', 'mean of assets',"
        f" 0.63, {lower}, 0.66, 1000, now(), false)"
    )

    found = verdict("mart.model_evaluation:no_model_looks_too_good", run)

    assert (found.passed, found.severity) == (False, severity)
