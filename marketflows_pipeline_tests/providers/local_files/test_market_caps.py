"""Market caps out of a folder: hand-worked rows, and what they are as a provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.local_files.market_caps import MarketCapFolder
from marketflows_pipeline.providers.protocols.market_caps import HISTORY_SCHEMA, MARKET_SCHEMA
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.providers.local_files.conftest import CLOCK, write

NOW = CLOCK.now()  # 2026-10-10 12:00 UTC
HEAD = "coin_id,ts,market_cap_usd,price_usd,volume_usd,name,symbol,circulating_supply\n"
ROWS = """\
big,2026-09-10,100,1.0,10,Big Coin,BIG,100
big,2026-10-03,120,1.2,10,,,100
big,2026-10-09,150,1.5,11,,,100
big,2026-10-10,180,1.8,12,,,100
small,2026-10-09,20,2.0,1,Small,SML,10
small,2026-10-10,25,2.5,2,,,10
old,2026-10-06,500,5.0,1,Old,OLD,100
later,2026-10-11,900,9.0,1,Later,LTR,100
"""


@pytest.fixture
def provider(tmp_path: Path) -> MarketCapFolder:
    write(tmp_path, "caps.csv", HEAD + ROWS)
    write(tmp_path, "categories.csv", "category,coin_id\nalpha,small\nalpha,big\nbeta,old\n")
    return MarketCapFolder(tmp_path, clock=CLOCK)


def midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def test_a_history_is_the_rows_of_the_window_as_they_stand(provider: MarketCapFolder) -> None:
    history = provider.history("big", 7)

    assert history.schema == HISTORY_SCHEMA
    # The window of 7 days begins at 2026-10-03 12:00.
    assert history["ts"].to_list() == [midnight("2026-10-09"), midnight("2026-10-10")]
    assert history.row(0)[2:] == (150.0, 1.5, 11.0, "folder:history")


def test_a_daily_window_holds_the_midnight_of_its_first_grid_time(provider: MarketCapFolder) -> None:
    """From now less 91 days on, the first grid time would have been extrapolated beside a row of that very moment."""
    write(provider._path, "more.csv", "coin,ts,market_cap\nbig,2026-07-11,70\nbig,2026-07-10,60\n")

    assert provider.history("big", 91)["market_cap_usd"].to_list() == [70.0, 100.0, 120.0, 150.0, 180.0]


def test_a_coin_of_no_file_is_not_found(provider: MarketCapFolder) -> None:
    with pytest.raises(NotFoundError, match="has the coin 'bog'"):
        provider.history("bog", 7)


def test_no_row_after_now_is_served(provider: MarketCapFolder) -> None:
    assert provider.history("later", 7).is_empty()
    assert provider.by_ids(["later"]).is_empty()
    assert provider.coin_list().filter(coin_id="later").row(0) == ("later", "later", "later")
    assert "later" not in next(provider.snapshot_pages(0))["coin_id"]


def test_an_earlier_clock_shows_what_was_there_then(provider: MarketCapFolder) -> None:
    then = MarketCapFolder(provider._path, clock=FixedClock(datetime(2026, 10, 9, 23, 59, tzinfo=UTC)))

    page = next(then.snapshot_pages(0))

    assert page.select("coin_id", "market_cap_usd").rows() == [("big", 150.0), ("small", 20.0)]
    assert then.history("big", 30)["ts"].max() == midnight("2026-10-09")


def test_a_snapshot_is_each_coins_newest_row_by_falling_market_cap(provider: MarketCapFolder) -> None:
    (page,) = provider.snapshot_pages(1e12)

    assert page.schema == MARKET_SCHEMA
    assert page["coin_id"].to_list() == ["big", "small"]
    big = page.row(0, named=True)
    assert (big["name"], big["symbol"], big["market_cap_rank"], big["circulating_supply"]) == (
        "Big Coin",
        "BIG",
        1,
        100,
    )
    assert big["last_updated"] == midnight("2026-10-10")
    assert big["source"] == "folder:markets"


def test_changes_are_those_of_the_price_some_days_before(provider: MarketCapFolder) -> None:
    big, small = next(provider.snapshot_pages(0)).rows(named=True)

    assert big["price_change_24h_pct"] == pytest.approx(20)  # 1.5 to 1.8
    assert big["price_change_7d_pct"] == pytest.approx(50)  # 1.2 to 1.8
    assert big["price_change_30d_pct"] == pytest.approx(80)  # 1.0 to 1.8
    assert small["price_change_24h_pct"] == pytest.approx(25)
    assert small["price_change_7d_pct"] is None


@pytest.mark.parametrize(("max_age_days", "held"), [(1, 2), (3, 2), (4, 2), (5, 3)])
def test_a_row_that_is_too_old_is_no_present_state(tmp_path: Path, max_age_days: int, held: int) -> None:
    write(tmp_path, "caps.csv", HEAD + ROWS)
    provider = MarketCapFolder(tmp_path, clock=CLOCK, max_age_days=max_age_days)

    assert provider.by_ids(["big", "small", "old", "none"]).height == held
    # Its history stays.
    assert provider.history("old", 30).height == 1


def test_old_and_coming_rows_are_told(provider: MarketCapFolder, log: pytest.LogCaptureFixture) -> None:
    list(provider.snapshot_pages(0))

    assert f"{provider._path}: 1 of 8 rows are later than 2026-10-10 12:00 UTC, and not served" in log.text
    assert "1 of 3 coins have no row of the last 3 days" in log.text


def test_a_folder_of_old_rows_says_how_old(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "caps.csv", "coin,ts,market_cap\nbig,2025-01-01,5\n")

    assert list(MarketCapFolder(tmp_path, clock=CLOCK).snapshot_pages(0)) == []
    assert "1 of 1 coins have no row of the last 3 days" in log.text
    assert "the newest row of all is of 2025-01-01 00:00 UTC" in log.text


def test_a_narrative_is_its_coins_with_a_present_row(provider: MarketCapFolder) -> None:
    assert provider.narrative("alpha")["coin_id"].to_list() == ["big", "small"]
    assert provider.narrative("beta").is_empty()
    assert provider.category_members("alpha")["with_rehypothecated"].all()
    with pytest.raises(NotFoundError, match="no category 'gamma'"):
        provider.narrative("gamma")


def test_without_a_file_of_categories_there_are_none(tmp_path: Path) -> None:
    write(tmp_path, "caps.csv", HEAD + ROWS)
    provider = MarketCapFolder(tmp_path, clock=CLOCK)

    assert provider.category_list().is_empty()
    assert provider.categories().is_empty()
    with pytest.raises(NotFoundError):
        provider.narrative("alpha")


def test_categories_are_summed_over_their_present_coins(provider: MarketCapFolder) -> None:
    (alpha,) = provider.categories().rows(named=True)

    assert alpha == {
        "category_id": "alpha",
        "name": "alpha",
        "market_cap_usd": 205.0,
        "market_cap_change_24h_pct": pytest.approx(100 * (205 / 170 - 1)),
        "volume_24h_usd": 14.0,
        "top_3_coins_id": "big,small",
    }
    assert provider.category_list()["slug"].to_list() == ["alpha", "beta"]


def test_a_category_without_figures_has_none(tmp_path: Path) -> None:
    write(tmp_path, "caps.csv", "coin,ts,market_cap\nbig,2026-10-10,\n")
    write(tmp_path, "categories.csv", "category,coin\nalpha,big\n")

    row = MarketCapFolder(tmp_path, clock=CLOCK).categories().row(0, named=True)

    assert (row["market_cap_usd"], row["market_cap_change_24h_pct"], row["volume_24h_usd"]) == (None, None, None)


@pytest.mark.parametrize("days", [1, 7, 365])
def test_rows_are_served_as_far_apart_as_they_are(provider: MarketCapFolder, days: int) -> None:
    """Daily rows in an hourly window are better than no history."""
    assert provider.history_limit_days(Granularity.of_window(days)) > days
    assert provider.history("big", days)["ts"][-1] == midnight("2026-10-10")


@pytest.mark.slow
@at_most(40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-90, 90), st.integers(-1, 9) | st.none()), max_size=30))
def test_what_is_served_now_does_not_depend_on_rows_to_come(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, int | None]]
) -> None:
    """Rows by hours from now: appending future ones changes no figure of the present."""
    frame = pl.DataFrame(
        [(f"coin-{coin}", NOW + timedelta(hours=hours), cap) for coin, hours, cap in [(0, 0, 1), *drawn]],
        schema={"coin_id": pl.String, "ts": pl.Datetime("us", "UTC"), "market_cap_usd": pl.Int64},
        orient="row",
    )
    folders = [tmp_path_factory.mktemp("caps") for _ in range(2)]
    frame.write_parquet(folders[0] / "caps.parquet")
    frame.filter(pl.col("ts") <= NOW).write_parquet(folders[1] / "caps.parquet")
    with_future, without = (MarketCapFolder(each, clock=CLOCK) for each in folders)

    for one, other in zip(with_future.snapshot_pages(0), without.snapshot_pages(0), strict=True):
        assert one.equals(other)
    for coin in without.coin_list()["coin_id"]:
        assert with_future.history(coin, 2).equals(without.history(coin, 2))
    ranked = next(without.snapshot_pages(0))["market_cap_usd"].drop_nulls().to_list()
    assert ranked == sorted(ranked, reverse=True)
