"""Stablecoins and what else stands for another coin: out of narratives and ranges, still followed and stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.jobs import daily_refresh
from marketflows_pipeline_tests.fakes.market import FakeCoin, Market, Membership
from marketflows_pipeline_tests.pipeline.environment import Environment, open_environment_with_exchanges

pytestmark = pytest.mark.slow

PAGES = "/coins/markets"


@pytest.fixture
def by_default(env: Environment) -> Environment:
    del env.settings["providers.coingecko"]["exclude_categories"]
    env.configure(narratives=["made-in-usa"])
    return env


def said(log: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in log.records if words in record.getMessage()]


def asked(env: Environment) -> list[dict[str, Any]]:
    return [dict(each.request.params) for each in env.service.exchanges if each.request.endpoint == PAGES]


def test_stablecoins_are_left_out_of_narratives_and_ranges_and_still_followed(
    by_default: Environment, log: pytest.LogCaptureFixture
) -> None:
    """Two stablecoins and a loan were 37 % of the shipped narrative, which gained 5 % for a loss of 2 %."""
    assert by_default.run(), by_default.failure.lines
    pages = {each.get("category"): each["include_rehypothecated"] for each in asked(by_default)}
    assert pages["made-in-usa"] == "false"
    assert (pages["stablecoins"], pages["wrapped-tokens"]) == ("true", "true"), "else a category of them is empty"
    (row,) = by_default.stored("select * from core.series where category = 'Narratives'").rows(named=True)
    cap = by_default.stored(
        "select max(market_cap_usd) as cap from raw.narrative_members"
        " where narrative = 'made-in-usa' and coin_id = 'usd-coin'"
    ).item()
    assert row["n_left_out"] >= 1
    assert row["left_out_usd"] >= cap
    stable = by_default.stored("select coin_id from raw.narrative_members where narrative = 'stablecoins'")["coin_id"]
    cohort = by_default.stored("select coin_id from core.cohort")["coin_id"]
    assert {"tether", "usd-coin"} <= set(stable)
    assert not set(stable) & set(cohort)
    followed = by_default.stored("select distinct coin_id from core.market_cap_grid")["coin_id"]
    assert {"tether", "usd-coin"} <= set(followed), "issuance and dominance need them"
    ranges = by_default.stored("select sum(n_left_out) as n from core.series where category = 'Ranges'")
    assert ranges.item() >= 2
    (warning,) = said(log, "no category today")
    assert "'liquid-staking-tokens'" in warning

    by_default.calls()
    assert by_default.run(hours_later=1), by_default.failure.lines
    assert {each.get("category") for each in asked(by_default)} == {"made-in-usa", None}, "once a day"
    assert len(said(log, "no category today")) == 1


def test_one_line_brings_the_cohort_of_before_back(by_default: Environment) -> None:
    by_default.configure(exclude_categories=[])
    assert by_default.run(), by_default.failure.lines
    assert "tether" in by_default.stored("select coin_id from core.cohort")["coin_id"].to_list()
    assert by_default.stored("select sum(n_left_out) as n from core.series").item() == 0


def test_what_the_user_names_wins(by_default: Environment, log: pytest.LogCaptureFixture) -> None:
    by_default.configure(narratives=["stablecoins", "made-in-usa"])
    by_default.configure("providers.coingecko.asset_groups", Dollars=["usd-coin", "bitcoin"])
    assert by_default.run(), by_default.failure.lines
    rows = by_default.stored("select series, max(n_assets) as n from core.group_totals group by series")
    sizes = dict(rows.iter_rows())
    assert sizes["stablecoins"] >= 2
    assert sizes["Dollars"] == 2
    assert said(log, "settings name them") == [
        "kept, because the settings name them, though exclude_categories leaves them out:"
        " narratives stablecoins with all their coins; usd-coin"
    ]
    assert [each.get("category") for each in asked(by_default)].count("stablecoins") == 1


def test_a_narrative_of_which_every_coin_is_left_out_is_told_of(
    by_default: Environment, log: pytest.LogCaptureFixture
) -> None:
    """It had no curve and no word, and a run for a day on which it was stored said that nothing was."""
    market, slug = by_default.service.market, "artificial-intelligence"
    by_default.service.market = Market([all_layer_1(coin, slug) for coin in market.coins], market.categories)
    by_default.configure(narratives=[slug, "made-in-usa"], exclude_categories=["layer-1"], flow_types=["narratives"])
    assert by_default.run(), by_default.failure.lines
    assert by_default.stored("select distinct series from core.group_totals").rows() == [("made-in-usa",)]
    left_out = by_default.stored("select n_left_out from core.series where series = 'artificial-intelligence'")
    assert left_out.item() == sum(has_membership(coin, slug) for coin in market.coins)
    (warning,) = said(log, "no series of")
    assert slug in warning
    assert "made-in-usa" not in warning

    by_default.configure(narrative_members=str(by_default.clock.now().date()))
    assert by_default.run(hours_later=1), by_default.failure.lines


def has_membership(coin: FakeCoin, slug: str) -> bool:
    return any(stay.slug == slug for stay in coin.memberships)


def all_layer_1(coin: FakeCoin, slug: str) -> FakeCoin:
    """Coins of a category, in layer-1 too."""
    return replace(coin, memberships=(*coin.memberships, Membership("layer-1"))) if has_membership(coin, slug) else coin


def test_the_whale_exclusions_share_the_answer(tmp_path: Path) -> None:
    """The same two categories were asked for twice a day, once by each part."""
    with open_environment_with_exchanges(tmp_path, ["binance"]) as env:
        del env.settings["providers.coingecko"]["exclude_categories"]
        assert env.run(job_name=daily_refresh.name), env.failure.lines
        pages = [each.get("category") for each in asked(env)]
        assert [pages.count(slug) for slug in ("stablecoins", "wrapped-tokens")] == [1, 1]
        excluded = env.stored("select distinct category, coin_id from raw.excluded_coins")
        assert {("stablecoins", "tether"), ("wrapped-tokens", "weth")} <= set(excluded.iter_rows())
