"""Sums over the last days: they add up, and supply is not told apart where the days are few."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.transforms.market_caps.attribution_totals import attribution_totals
from marketflows_pipeline.transforms.market_caps.cap_attribution import cap_attribution
from marketflows_pipeline.transforms.market_caps.cap_movers import coin_movers, series_movers
from marketflows_pipeline_tests.transforms.market_caps.attributed_closes import closes, members, supplies

DAYS = 11
# A coin each: price up by 1 a day at 100 coins; 1 % of new coins a day at a price of 10; one step of 30 % on day 9.
MARKET = closes(
    {
        "pricey": ([100.0 * (10 + day) for day in range(DAYS)], [10.0 + day for day in range(DAYS)]),
        "issuing": ([1000.0 + 10 * day for day in range(DAYS)], [10.0] * DAYS),
        "stepping": ([1000.0] * 9 + [1300.0] * 2, [10.0] * DAYS),
    }
)
PAGES = supplies({"stepping": {8: 100, 9: 130}})
ATTRIBUTION = cap_attribution(MARKET, PAGES, (), window=1)


def row(frame: pl.DataFrame, **where: str) -> dict[str, float]:
    return frame.filter(**where).row(0, named=True)


def test_effects_of_the_last_days_add_up_to_the_change() -> None:
    movers = coin_movers(ATTRIBUTION, 7, "price")

    assert movers["coin_id"].to_list() == ["pricey", "issuing", "stepping"]
    assert row(movers, coin_id="pricey")["price_effect_usd"] == pytest.approx(700)
    assert row(movers, coin_id="issuing")["supply_effect_usd"] == pytest.approx(70)
    stepping = row(movers, coin_id="stepping")
    assert stepping["large_supply_step_usd"] == pytest.approx(300)
    assert stepping["change_pct"] == pytest.approx(30)
    assert stepping["market_cap_before_usd"] == 1000
    for mover in movers.iter_rows(named=True):
        parts = ("price_effect_usd", "supply_effect_usd", "large_supply_step_usd", "rest_usd")
        assert sum(mover[part] for part in parts) == pytest.approx(mover["change_usd"])


def test_by_supply_large_steps_come_with_it() -> None:
    assert coin_movers(ATTRIBUTION, 7, "supply")["coin_id"].to_list() == ["stepping", "issuing", "pricey"]


def test_below_seven_days_supply_is_part_of_the_rest() -> None:
    """The supply of a day is mostly the noise of two closes."""
    issuing = row(coin_movers(ATTRIBUTION, 6, "price"), coin_id="issuing")

    assert issuing["supply_effect_usd"] is None
    assert (issuing["rest_usd"], issuing["change_usd"]) == (pytest.approx(60), 60)


@pytest.mark.parametrize(
    ("pages", "is_confirmed"), [(PAGES, True), (supplies({"stepping": {8: 100, 9: 100}}), False), (supplies({}), None)]
)
def test_a_coin_is_confirmed_where_each_of_its_large_steps_is(pages: pl.DataFrame, is_confirmed: object) -> None:
    movers = coin_movers(cap_attribution(MARKET, pages, (), window=1), 7, "price")

    assert row(movers, coin_id="stepping")["is_confirmed"] is is_confirmed
    assert row(movers, coin_id="pricey")["is_confirmed"] is None


def test_series_have_membership_net_and_gross() -> None:
    held = {("Narratives", "ai"): {day: "a" if day < 5 else "b" for day in range(DAYS)}}
    market = closes({"a": ([100.0] * DAYS, [1.0] * DAYS), "b": ([70.0] * DAYS, [1.0] * DAYS)})
    totals = attribution_totals(cap_attribution(market, supplies({}), ()), members(held))

    found = row(series_movers(totals, 7, "membership"), series="ai")
    columns = ("membership_usd", "arrivals_usd", "departures_usd", "change_usd", "market_cap_before_usd")
    assert [found[name] for name in columns] == [-30, 70, 100, -30, 100]
    assert row(series_movers(totals, 2, "membership"), series="ai")["membership_usd"] == 0
    assert (found["days_known"], row(series_movers(totals, 30, "price"), series="ai")["days_known"]) == (7, 10)
