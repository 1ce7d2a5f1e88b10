from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketflows_pipeline.transforms.market_caps.grid import market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_members, group_totals, narrative_members_on
from marketflows_pipeline.transforms.market_caps.labels import narrative_label, range_labels, series_labels
from marketflows_pipeline_tests.transforms.frames import at, grid_of, hourly, members_of, observations, pick

YESTERDAY, TODAY = datetime(2026, 1, 1, 23, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC)


def stored_members() -> pl.DataFrame:
    """AI lost c and gained d overnight; gaming was asked for yesterday only."""
    rows = [
        (YESTERDAY, "ai", "a", 1), (YESTERDAY, "ai", "c", 2), (YESTERDAY, "gaming", "g", 1),
        (TODAY, "ai", "b", 7), (TODAY, "ai", "a", 3), (TODAY, "ai", "d", 12),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["observed_at", "narrative", "coin_id", "rank"], orient="row").with_columns(
        pl.col("observed_at").dt.cast_time_unit("us")
    )


def test_a_narrative_s_members_are_those_last_observed() -> None:
    members = narrative_members_on(stored_members(), None, top_n=10)

    assert members.rows() == [("ai", "a"), ("ai", "b"), ("ai", "d"), ("gaming", "g")]


def test_a_narrative_keeps_its_largest_coins_only() -> None:
    members = narrative_members_on(stored_members(), None, top_n=2)

    assert members.filter(pl.col("narrative") == "ai")["coin_id"].to_list() == ["a", "b"]


def test_members_can_be_those_of_a_day() -> None:
    assert narrative_members_on(stored_members(), date(2026, 1, 1), top_n=10).rows() == [
        ("ai", "a"), ("ai", "c"), ("gaming", "g"),
    ]  # fmt: skip
    assert narrative_members_on(stored_members(), date(2025, 12, 31), top_n=10).is_empty()


def test_a_portfolio_is_a_sum_among_portfolios_and_a_category_of_single_coins() -> None:
    listed = pl.DataFrame({"narrative": ["ai", "ai", "dropped"], "coin_id": ["a", "b", "z"]})

    members = group_members(listed, ["ai"], {"Mine": ["b", "x"], "Yours": ["x"]})

    assert members.rows() == [
        ("Mine", "b", "b"), ("Mine", "x", "x"),
        ("Narratives", "ai", "a"), ("Narratives", "ai", "b"),
        ("Portfolios", "Mine", "b"), ("Portfolios", "Mine", "x"), ("Portfolios", "Yours", "x"),
        ("Yours", "x", "x"),
    ]  # fmt: skip


def test_nothing_asked_for_has_no_members_and_no_totals() -> None:
    nobody = group_members(pl.DataFrame(schema={"narrative": pl.String, "coin_id": pl.String}), [], {})

    assert nobody.is_empty()
    assert group_totals(grid_of({"a": [1]}), nobody).is_empty()


def test_a_coin_of_two_narratives_counts_in_both() -> None:
    grid = grid_of({"a": [1, 2], "b": [10, 20], "c": [100, 200]})
    members = members_of({("Narratives", "ai"): ["a", "b"], ("Narratives", "usa"): ["b", "c"]})

    totals = group_totals(grid, members)

    assert totals.rows() == [
        ("Narratives", "ai", at(0), 11.0, 2), ("Narratives", "ai", at(1), 22.0, 2),
        ("Narratives", "usa", at(0), 110.0, 2), ("Narratives", "usa", at(1), 220.0, 2),
    ]  # fmt: skip
    assert totals.schema == {
        "category": pl.String(),
        "series": pl.String(),
        "ts": pl.Datetime("us", "UTC"),
        "market_cap_usd": pl.Float64(),
        "n_assets": pl.Int32(),
    }


def test_a_member_listed_mid_window_counts_from_the_start_so_that_the_total_does_not_jump() -> None:
    grid = market_cap_grid(observations({"old": {0: 1.0, 3: 1.0}, "new": {2: 5.0, 3: 6.0}}), hourly(3))

    totals = group_totals(grid, members_of({("Narratives", "ai"): ["old", "new"]}))

    assert totals["market_cap_usd"].to_list() == [6.0, 6.0, 6.0, 7.0]


def test_a_member_never_observed_is_in_no_sum() -> None:
    totals = group_totals(grid_of({"a": [1, 2]}), members_of({("Narratives", "ai"): ["a", "unseen"]}))

    assert totals["market_cap_usd"].to_list() == [1.0, 2.0]
    assert totals["n_assets"].to_list() == [1, 1]


def test_series_have_labels_for_people_and_the_order_of_the_settings() -> None:
    coins = pl.DataFrame({"coin_id": ["bitcoin", "tether", "tether-on-x"], "symbol": ["btc", "usdt", "usdt"]})
    portfolios = {"Zoo": ["tether-on-x", "bitcoin", "tether", "nameless"], "Ark": ["bitcoin"]}

    series = series_labels(coins, ["made-in-usa", "ai"], portfolios, [1e10, 1e9])

    assert pick(series.sort("sort_order"), "label", category="Narratives") == ["Made in USA", "AI"]
    assert pick(series.sort("sort_order"), "label", category="Portfolios") == ["Zoo", "Ark"]
    assert pick(series.sort("sort_order"), "label", category="Ranges") == ["$1B to $10B", "above $10B"]
    assert pick(series, "sort_order", category="Ranges", series="10000000000") == [2]
    assert pick(series.sort("sort_order"), "label", category="Zoo") == [
        "USDT (tether-on-x)", "BTC", "USDT (tether)", "nameless",
    ]  # fmt: skip
    assert pick(series, "label", category="Ark") == ["BTC"]
    assert series.select("category", "series").rows() == sorted(series.select("category", "series").rows())
    assert series.schema["sort_order"] == pl.Int32()


def test_slugs_read_as_plain_words() -> None:
    slugs = ("layer-1", "decentralized-finance-defi", "real-world-assets-rwa", "proof-of-work-pow", "usa")

    assert [narrative_label(slug) for slug in slugs] == [
        "Layer 1", "Decentralized Finance DeFi", "Real World Assets RWA", "Proof of Work PoW", "USA",
    ]  # fmt: skip


@pytest.mark.parametrize(("written", "label"), [("AI", "AI"), ("Made in USA", "Made in USA"), ("LAYER-1", "Layer 1")])
def test_a_narrative_in_the_user_s_spelling_is_labelled_likewise(written: str, label: str) -> None:
    """`AI`, which finds its category as `ai` does, was drawn as Ai."""
    assert narrative_label(written) == label


def test_ranges_read_as_amounts_of_money() -> None:
    assert range_labels([2.5e5, 1e6, 1.5e9, 2e12]) == [
        "$250K to $1M", "$1M to $1.5B", "$1.5B to $2T", "above $2T",
    ]  # fmt: skip
    assert range_labels([10]) == ["above $10"]
    assert range_labels([]) == []
