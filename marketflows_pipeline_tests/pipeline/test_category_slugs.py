"""Categories of the settings are found under today's slugs, by one list that is asked for once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.market import Market, Membership
from marketflows_pipeline_tests.pipeline.environment import HISTORY, Environment

pytestmark = pytest.mark.slow

LIST, PAGES = "/coins/categories/list", "/coins/markets"


@pytest.fixture
def narrow(env: Environment) -> Environment:
    env.configure(narrative_top_n=3, flow_types=["narratives"])
    return env


def test_a_short_name_is_todays_category_and_what_was_stored_under_either_counts(
    narrow: Environment, log: pytest.LogCaptureFixture
) -> None:
    """`ai` of the document is no slug of today: the first run of the default settings ended with exit code 2."""
    narrow.configure(narratives=["ai"])
    assert narrow.run(), narrow.failure.lines
    assert narrow.calls()[LIST] == 1
    (said,) = [record.getMessage() for record in log.records if "is 'artificial" in record.getMessage()]
    assert said == (
        "providers.coingecko.narratives: 'ai' is 'artificial-intelligence' today (Artificial Intelligence (AI))"
    )
    totals = narrow.stored("select distinct series, n_assets from core.group_totals where category = 'Narratives'")
    assert totals.rows() == [("ai", 3)]
    assert narrow.stored("select distinct narrative from raw.narrative_members").rows() == [
        ("artificial-intelligence",)
    ]

    narrow.configure(narratives=["artificial-intelligence"])
    assert narrow.run(hours_later=1), narrow.failure.lines
    calls = narrow.calls()
    assert (calls[LIST], calls[HISTORY]) == (0, 0)


@pytest.mark.usefixtures("fetches_only")
def test_all_unknown_categories_are_named_at_once_before_anything_dear_is_asked(narrow: Environment) -> None:
    """One run told of the first, the next of the second, and each had asked for pages first."""
    narrow.configure(narratives=["layer-one", "made-in-eu", "layer-1"], exclude_categories=["stablecoin-s", "meems"])
    assert not narrow.run()
    lines = "\n".join(narrow.failure.lines).splitlines()
    assert ["layer-one" in lines[0], "made-in-eu" in lines[1], "meems" in lines[2]] == [True] * 3
    assert len(lines) == 3, "stablecoin-s is spelled like stablecoins"
    assert "did you mean layer-1?" in lines[0]
    assert "did you mean made-in-usa" in lines[1]
    assert "exclude_categories" in lines[2]
    calls = narrow.calls()
    assert (calls[LIST], calls[PAGES], calls[HISTORY]) == (1, 0, 0)
    assert not narrow.run(hours_later=0.5)
    assert narrow.calls()[LIST] == 0, "asked again within the hour it would say the same"


def moved(stay: Membership) -> Membership:
    return replace(stay, slug="usa") if stay.slug == "made-in-usa" else stay


def test_a_category_that_is_renamed_goes_on_under_its_new_slug(narrow: Environment) -> None:
    narrow.configure(narratives=["made-in-usa"])
    assert narrow.run(), narrow.failure.lines
    market = narrow.service.market
    narrow.service.market = Market(
        [replace(coin, memberships=tuple(map(moved, coin.memberships))) for coin in market.coins],
        [replace(each, slug="usa") if each.slug == "made-in-usa" else each for each in market.categories],
    )
    narrow.calls()
    assert narrow.run(hours_later=2), narrow.failure.lines
    assert narrow.calls()[LIST] == 1
    assert narrow.run(hours_later=1), narrow.failure.lines
    assert narrow.calls()[LIST] == 0
    stored = narrow.stored("select narrative, count(distinct observed_at) as n from raw.narrative_members group by all")
    assert dict(stored.iter_rows()) == {"made-in-usa": 1, "usa": 1}
    assert narrow.stored("select distinct series from core.group_totals").rows() == [("made-in-usa",)]


@pytest.mark.usefixtures("fetches_only")
def test_a_list_that_cannot_be_had_stops_nothing_that_is_stored(narrow: Environment) -> None:
    assert narrow.run(), narrow.failure.lines
    narrow.calls()
    with Warehouse(narrow.private) as warehouse:
        warehouse.execute("delete from raw.category_names")
    narrow.service.script(LIST, faults.json_error(401, {"status": {"error_code": 10005, "error_message": "no"}}))
    assert narrow.run(hours_later=1), narrow.failure.lines
    assert narrow.calls()[LIST] == 1
