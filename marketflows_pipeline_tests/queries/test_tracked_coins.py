"""In which order coins are fetched."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.queries.tracked_coins import by_importance


def coins(*rows: tuple[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"coin_id": pl.String, "market_cap_usd": pl.Float64}, orient="row")


def test_base_assets_come_first_then_portfolios_then_the_largest_caps() -> None:
    tracked = by_importance(
        bases=["bitcoin"],
        portfolio_coins=["dogecoin"],
        members=coins(("tiny", 1e6), ("solana", 5e10)),
        cohort=coins(("ethereum", 3e11), ("dogecoin", 2e10), ("bitcoin", 1e12)),
    )
    assert tracked["coin_id"].to_list() == ["bitcoin", "dogecoin", "ethereum", "solana", "tiny"]
    assert tracked["priority"].to_list() == [0, 1, 2, 2, 2]


def test_a_coin_of_several_groups_is_tracked_once() -> None:
    tracked = by_importance(
        bases=["bitcoin"],
        portfolio_coins=["bitcoin"],
        members=coins(("bitcoin", None)),
        cohort=coins(("bitcoin", 1e12)),
    )
    assert tracked.rows() == [("bitcoin", 0, 1e12)]


def test_coins_of_one_market_cap_follow_by_id_and_unknown_caps_come_last() -> None:
    """A run that starts anew must ask in the same order, or a budget is spent on other coins each time."""
    alike = [f"coin-{place:02}" for place in range(20)]
    members = coins(*((coin, 1e6) for coin in reversed(alike)), ("a", None))
    tracked = by_importance(bases=[], portfolio_coins=[], members=members, cohort=coins())
    assert tracked["coin_id"].to_list() == [*alike, "a"]
