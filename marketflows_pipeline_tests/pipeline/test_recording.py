"""What is recorded for later: deeper than what is followed, at no credit but the day's categories."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.market import to_ms
from marketflows_pipeline_tests.fakes.price_paths import HOUR_MS
from marketflows_pipeline_tests.pipeline.environment import HISTORY, START, Environment

pytestmark = pytest.mark.slow

CATEGORIES = "/coins/categories"
TOP_N = 3
MEMBERS = "select * from raw.narrative_members where narrative = 'layer-1' and observed_at = ({}) order by rank"
FIRST, LATEST = (f"select {which}(observed_at) from raw.narrative_members" for which in ("min", "max"))


@pytest.fixture
def narrow(env: Environment) -> Environment:
    """An environment that follows the three largest coins of one narrative, and nothing that a page could add."""
    env.configure(narrative_top_n=TOP_N, flow_types=["narratives", "individual_assets"])
    return env


def test_coins_in_reserve_are_stored_and_neither_followed_nor_summed_up(narrow: Environment) -> None:
    """Buffer rules need rank N + 5 of every day, which nobody serves later; following it would cost a call a coin."""
    assert narrow.run(), narrow.failure.lines
    histories = narrow.calls()[HISTORY]
    assert narrow.run(hours_later=1), narrow.failure.lines
    assert narrow.calls()[HISTORY] == 0

    members = narrow.stored(MEMBERS.format(LATEST))
    assert members["is_reserve"].to_list() == [False] * TOP_N + [True] * 5
    followed = set(narrow.stored("select distinct coin_id from raw.market_caps")["coin_id"])
    in_use = members["coin_id"].to_list()[:TOP_N]
    assert followed == {*in_use, "bitcoin", "ethereum"}
    assert histories == len(followed)
    assert narrow.stored("select max(n_assets) as n from core.group_totals where category = 'Narratives'").item() == 3


@pytest.mark.usefixtures("fetches_only")
def test_all_of_the_page_is_stored_once_a_utc_day_and_the_near_ones_every_hour(narrow: Environment) -> None:
    narrow.run()
    narrow.run(hours_later=1)
    narrow.run(hours_later=11)
    narrow.run(hours_later=1)
    depths = narrow.stored(
        "select hour(observed_at) as hour, count(*) as n, bool_and(is_full_page) as is_full, bool_or(is_full_page) as"
        " any_full from raw.narrative_members group by observed_at order by observed_at"
    )
    listed = len(narrow.service.market.members("layer-1", to_ms(START)))
    # 12:05, 13:05, then the next day at 00:05 and 01:05
    assert depths["hour"].to_list() == [12, 13, 0, 1]
    assert depths["n"].to_list()[1::2] == [TOP_N + 5, TOP_N + 5]
    assert all(TOP_N + 5 < n <= listed for n in depths["n"].to_list()[::2])
    assert depths["is_full"].to_list() == depths["any_full"].to_list() == [True, False, True, False]


@pytest.mark.usefixtures("fetches_only")
def test_members_carry_the_figures_of_their_page(narrow: Environment) -> None:
    narrow.configure(flow_types=["narratives", "market_cap_ranges"])
    assert narrow.run(), narrow.failure.lines
    for table in ("raw.narrative_members", "raw.cohort_members"):
        rows = narrow.stored(f"select * from {table} where coin_id = 'ethereum'")
        row = rows.row(0, named=True)
        assert row["price_usd"] * row["circulating_supply"] == pytest.approx(row["market_cap_usd"], rel=1e-6)
        changes = [row[f"price_change_{period}_pct"] for period in ("24h", "7d", "30d")]
        assert None not in changes
        assert len(set(changes)) == 3


@pytest.mark.usefixtures("fetches_only")
def test_excluded_coins_in_between_are_stored_and_do_not_count(narrow: Environment) -> None:
    narrow.configure(exclude_categories=["smart-contract-platform"])
    narrow.run()
    narrow.run(hours_later=1)
    excluded = narrow.stored("select coin_id from raw.narrative_members where narrative = 'smart-contract-platform'")[
        "coin_id"
    ]
    members = narrow.stored(MEMBERS.format(LATEST))
    assert members["is_excluded"].any()
    assert members["is_excluded"].to_list() == members["coin_id"].is_in(excluded.implode()).to_list()
    assert members["rank"].to_list() == list(range(1, members.height + 1))
    in_use = members.filter(~members["is_excluded"])
    assert in_use["is_reserve"].to_list() == [False] * TOP_N + [True] * 5
    assert members["coin_id"].to_list()[-1] == in_use["coin_id"].to_list()[-1], "it ends at the fifth in reserve"


@pytest.mark.usefixtures("fetches_only")
def test_categories_are_stored_once_a_utc_day_for_one_credit(narrow: Environment) -> None:
    assert narrow.run(), narrow.failure.lines
    assert narrow.calls()[CATEGORIES] == 1
    assert narrow.run(hours_later=11)
    assert narrow.calls()[CATEGORIES] == 0
    assert narrow.run(hours_later=1), "00:05 of the next day"
    assert narrow.calls()[CATEGORIES] == 1
    rows = narrow.stored("select * from raw.category_snapshots order by observed_at, market_cap_usd desc nulls last")
    assert rows["observed_at"].n_unique() == 2
    layer_1 = rows.filter(rows["category_id"] == "layer-1").row(0, named=True)
    assert layer_1["top_3_coins_id"].split(",")[0] == "bitcoin"
    assert layer_1["market_cap_usd"] > 0
    published = narrow.stored("select max(observed_at) from raw.category_snapshots").item()
    assert published == narrow.clock.now()


@pytest.mark.usefixtures("fetches_only")
def test_categories_that_cannot_be_had_stop_nothing_and_are_asked_for_again_after_three_hours(
    narrow: Environment,
) -> None:
    """An endpoint that only adds to the record must never cost an hour of market caps."""
    narrow.service.script(CATEGORIES, faults.json_error(401, {"status": {"error_code": 10005, "error_message": "no"}}))
    assert narrow.run(), narrow.failure.lines
    assert narrow.calls()[CATEGORIES] == 1
    assert narrow.run(hours_later=1)
    assert narrow.calls()[CATEGORIES] == 0
    assert narrow.run(hours_later=2.5)
    assert narrow.calls()[CATEGORIES] == 1
    outcomes = narrow.stored("select outcome from meta.fetches where dataset = 'categories' order by attempted_at")
    assert outcomes["outcome"].to_list() == ["failed", "complete"]


@pytest.mark.usefixtures("fetches_only")
def test_a_history_that_comes_back_changed_is_on_record_with_its_cause(narrow: Environment) -> None:
    stamps = [to_ms(START) - hour * HOUR_MS for hour in range(160, 2, -1)]

    def history(cap: float) -> dict[str, list[list[float]]]:
        caps = [[stamp, cap if place == 5 else 5e10] for place, stamp in enumerate(stamps)]
        return {"market_caps": caps, "prices": [[stamp, 1.0] for stamp in stamps], "total_volumes": caps[:0]}

    narrow.configure(flow_types=["individual_assets"])
    narrow.service.script(HISTORY, faults.json_error(200, history(5e10)))
    narrow.run()
    narrow.configure(days=14)
    narrow.service.script(HISTORY, faults.json_error(200, history(6e10)))
    narrow.run(hours_later=1)

    (row,) = narrow.stored("select * from meta.revisions").iter_rows(named=True)
    assert (row["table_name"], row["column_name"], row["old"], row["new"], row["cause"], row["n_changes"]) == (
        "raw.market_caps",
        "market_cap_usd",
        5e10,
        6e10,
        "history",
        1,
    )
    assert row["key"].startswith("bitcoin,2026-10-0")
    assert row["seen_at"] - narrow.clock.now() < timedelta(seconds=1)
