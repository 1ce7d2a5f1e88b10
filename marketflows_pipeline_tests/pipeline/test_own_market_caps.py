"""A run on market caps of the user's own files: nothing is requested, and the tables are there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline_tests.pipeline.environment import START, Environment

pytestmark = pytest.mark.slow

CAPS = {"bitcoin": 2e12, "ethereum": 4e11, "solana": 9e10, "dust": 1e6}


def write_caps(folder: Path, *, until: datetime, days: int = 10) -> None:
    """Rows by hour: each coin grows by a thousandth an hour."""
    hours = range(-24 * days, 1)
    rows = [
        (coin, until + timedelta(hours=hour), cap * (1 + hour / 1000), cap / 1e7 * (1 + hour / 1000))
        for coin, cap in CAPS.items()
        for hour in hours
    ]
    frame = pl.DataFrame(rows, schema=["coin", "ts", "market_cap", "price"], orient="row")
    frame.write_parquet(folder / f"caps_{until:%Y%m%dT%H}.parquet")


@pytest.fixture
def own(env: Environment) -> Path:
    """Ten days of four coins, two of them in a category; the last rows are of an hour that is yet to come."""
    folder = env.folder / "own"
    folder.mkdir()
    write_caps(folder, until=START.replace(minute=0) + timedelta(hours=1))
    (folder / "categories.csv").write_text("category,coin_id\nlayer-1,ethereum\nlayer-1,solana\n")
    env.provider = "folder"
    env.configure(
        "providers.folder",
        path="own",
        days=7,
        flow_types=["narratives", "market_cap_ranges", "individual_assets"],
        narratives=["layer-1"],
        base_assets=["bitcoin"],
        range_lower_limits=[1e8, 1e11],
    )
    env.configure("providers.folder.asset_groups", Pair=["bitcoin", "ethereum"])
    return folder


def test_a_run_on_own_files_requests_nothing_and_publishes_every_table(env: Environment, own: Path) -> None:
    assert env.run(), env.failure.lines

    assert not env.service.exchanges
    published = env.stored("select table_name, status, n_rows from meta.publish where part = 'market_caps'")
    assert set(published["status"]) == {"fresh"}
    rows = dict(published.select("table_name", "n_rows").iter_rows())
    assert all(rows[name] > 0 for name in ("raw.market_caps", "core.market_cap_grid", "mart.normalized"))
    assert env.stored("select count(*) from meta.api_calls").item() == 0
    stored = env.stored("select max(ts) as newest, count(distinct coin_id) as coins from raw.market_caps").row(0)
    # No row of an hour to come, and no coin below the smallest limit.
    assert stored == (START.replace(minute=0), 3)
    members = env.stored("select coin_id from accepted.narrative_members where narrative = 'layer-1' order by rank")
    assert members["coin_id"].to_list() == ["ethereum", "solana"]


@pytest.mark.usefixtures("fetches_only")
def test_rows_that_are_added_are_in_the_next_run(env: Environment, own: Path) -> None:
    assert env.run(), env.failure.lines
    write_caps(own, until=START.replace(minute=0) + timedelta(hours=6), days=1)

    assert env.run(hours_later=6), env.failure.lines

    times = env.stored("select ts from raw.market_caps where coin_id = 'solana' and ts >= '2026-10-10' order by ts")
    assert times["ts"].to_list() == [datetime(2026, 10, 10, hour, tzinfo=UTC) for hour in range(19)]


@pytest.mark.usefixtures("fetches_only")
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("caps.csv", "coin,ts\nbitcoin,2026-10-10\n", "caps.csv: expected a column `market_cap_usd`"),
        (
            "categories.csv",
            "category,coin\nlayer-2,ethereum\n",
            "did you mean layer-2? A category is what `category` says",
        ),
    ],
)
def test_what_is_wrong_with_the_files_is_told_in_one_line(
    env: Environment, own: Path, name: str, text: str, told: str
) -> None:
    (own / name).write_text(text)

    assert not env.run()

    assert env.failure.exit_code == 2
    (line,) = env.failure.lines
    assert told in line
