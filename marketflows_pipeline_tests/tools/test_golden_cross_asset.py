"""The package's own formulas agree with the golden cross-asset tables, which were computed without them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.settings.cross_asset import CrossAsset
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline.transforms.cross_asset.flow_map import flow_map
from marketflows_pipeline.transforms.cross_asset.flow_rankings import flow_rankings
from marketflows_pipeline.transforms.cross_asset.regimes import regimes
from marketflows_pipeline.transforms.cross_asset.shares import new_vintages
from marketflows_pipeline.transforms.cross_asset.supply import daily_supply
from marketflows_pipeline.tutorial.cross_asset_provider import TutorialMarket
from marketflows_pipeline.tutorial.files import data_as_of, packaged_caps, stored_caps
from marketflows_pipeline.tutorial.verify import compare_tables
from marketflows_pipeline_tests.tools.conftest import LoadTool

pytestmark = pytest.mark.slow

NAMES = ["core.asset_flows", "mart.flow_rankings", "mart.flow_map", "mart.regimes"]


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """The tutorial's cross-asset tables by the package's transforms, without Dagster and database."""
    settings, market, now = CrossAsset(), TutorialMarket(), data_as_of()
    histories = [
        market.daily_bars(asset.symbol, asset.provider_symbol, settings.start, now.date())
        for asset in settings.universe
    ]
    fetched = pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("fetched_at")
    funds = [asset for asset in settings.universe if asset.share_source in market.issuers]
    first, later = (
        pl.concat(given.shares_outstanding(asset.symbol, asset.share_id) for asset in funds).with_columns(fetched)
        for given in (TutorialMarket(as_first_published=True), market)
    )
    stored = first.with_columns(vintage=pl.lit(1, pl.Int32))
    universe = pl.DataFrame(
        [(asset.symbol, asset.name, asset.asset_class, asset.share_source) for asset in settings.universe],
        schema=["symbol", "name", "asset_class", "share_source"],
        orient="row",
    )
    coins = pl.DataFrame({"symbol": ["BTC", "ETH"], "coin_id": ["bitcoin", "ethereum"]})
    flows = asset_flows(
        pl.concat(history.bars for history in histories),
        pl.concat([stored, new_vintages(stored, later)], how="diagonal"),
        pl.concat(history.actions for history in histories),
        daily_supply(pl.concat([packaged_caps(), stored_caps()]).unique(["coin_id", "ts"]), coins),
        universe,
    )
    rankings = flow_rankings(flows, universe, settings.windows)
    return {
        "core.asset_flows": flows,
        "mart.flow_rankings": rankings,
        "mart.flow_map": pl.concat(flow_map(rankings, include_issuance=given) for given in (False, True)),
        "mart.regimes": regimes(
            pl.concat(market.volatility_index(name) for name in ("VIX", "VIX3M")),
            flows,
            **settings.regime_rules,
        ),
    }


@pytest.fixture(scope="module")
def script(tool: LoadTool) -> ModuleType:
    return tool("golden_cross_asset")


@pytest.fixture(scope="module")
def golden(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of every session, the first included."""
    folder = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "SINCE", date(1900, 1, 1))
        script.main([str(folder)])
    return folder


def _golden(folder: Path) -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(folder / f"golden.{name}.parquet") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_table_agrees_to_a_billionth(name: str, tables: dict[str, pl.DataFrame], golden: Path) -> None:
    # A table that is not compared is given as it is known to be good.
    differences = compare_tables((_golden(golden) | {name: tables[name]}).__getitem__, folder=golden)
    assert [str(difference) for difference in differences] == []


def test_price_and_share_effect_are_the_change_of_market_cap(golden: Path) -> None:
    rows = _golden(golden)["core.asset_flows"]
    change = pl.col("market_cap_usd") - pl.col("market_cap_usd").shift(1).over("symbol")
    both = pl.col("price_effect_usd") + pl.col("share_effect_usd")
    gaps = rows.select(gap=(change - both).abs() / pl.col("market_cap_usd")).drop_nulls()
    assert gaps.height == rows["flow_usd"].count() > 29_000
    assert (gaps["gap"] < 1e-12).all()


def test_shares_of_notional_and_of_absolute_flows_sum_to_one(golden: Path) -> None:
    rows = _golden(golden)["core.asset_flows"]
    sums = rows.group_by("session").agg(pl.col("notional_share").sum(), pl.col("gross_flow_share").abs().sum())
    assert (sums["notional_share"] - 1).abs().max() < 1e-12  # type: ignore[operator]
    # Nobody has a flow in the very first session.
    assert sums.filter((pl.col("gross_flow_share") - 1).abs() > 1e-12)["session"].to_list() == [date(2010, 1, 4)]


@pytest.mark.parametrize(("symbol", "day"), [("SLV", date(2025, 6, 9)), ("IWM", date(2013, 6, 10))])
def test_a_split_is_no_flow(golden: Path, symbol: str, day: date) -> None:
    (row,) = _golden(golden)["core.asset_flows"].filter(symbol=symbol, session=day).to_dicts()
    assert abs(row["flow_usd"]) < 0.02 * row["market_cap_usd"]


def test_flows_without_shares_are_made_of_net_assets(golden: Path) -> None:
    rows = _golden(golden)["core.asset_flows"].filter(flow_method="aum")
    assert rows["symbol"].unique().to_list() == ["DIA"]
    # The ten sessions without shares, and the first one after them.
    assert (rows["session"].min(), rows["session"].max(), rows.height) == (date(2025, 7, 7), date(2025, 7, 21), 11)


def test_where_nothing_is_known_there_is_no_flow(golden: Path) -> None:
    rows = _golden(golden)["core.asset_flows"].filter(flow_method="price_only")
    assert rows["flow_usd"].null_count() == rows.height
    recent = rows.filter(pl.col("session") >= date(2025, 1, 1), ~pl.col("symbol").is_in(["QQQ", "BTC", "ETH"]))
    assert set(recent["symbol"]) == {"IWM"}
    assert recent["session"].to_list() == [date(2025, 10, day) for day in (20, 21, 22, 23)]


def test_the_bleed_of_one_fund_went_to_the_two_that_gained(golden: Path) -> None:
    rankings = _golden(golden)["mart.flow_rankings"].filter(window_sessions=63)
    assert rankings.filter(outflow_rank=1)["symbol"].to_list() == ["SPY"]
    assert set(rankings.filter(pl.col("inflow_rank") <= 2)["symbol"]) == {"GLD", "IBIT"}
    (lost,) = rankings.filter(symbol="SPY")["flow_pct_of_market_cap"].to_list()
    assert -25 < lost < -8
    gained = _golden(golden)["mart.flow_map"].filter(window_sessions=63, includes_issuance=False, from_symbol="SPY")
    inside = gained.filter(~pl.col("to_symbol").str.starts_with("(")).sort("flow_usd", descending=True)
    assert set(inside["to_symbol"].head(2)) == {"GLD", "IBIT"}


def test_every_regime_and_backwardation_occur(golden: Path) -> None:
    rows = _golden(golden)["mart.regimes"]
    for column in ("vix_regime", "ratio_regime", "regime"):
        assert {"risk_on", "risk_off", "mixed"} <= set(rows[column].drop_nulls())
    assert rows["is_backwardation"].drop_nulls().any()


def test_what_is_packaged_would_be_the_newest_sessions_and_small(script: ModuleType, tmp_path: Path) -> None:
    assert script.main([str(tmp_path)]) == 0
    files = list(tmp_path.iterdir())
    assert sum(file.stat().st_size for file in files) < 150_000
    flows = pl.read_parquet(tmp_path / "golden.core.asset_flows.parquet")
    assert flows["session"].min() == date(2025, 5, 1)
    assert pl.read_parquet_metadata(tmp_path / "golden.core.asset_flows.parquet")["since"] == (
        '{"session": "2025-05-01"}'
    )
    assert set(flows.columns) <= set(table("core.asset_flows").column_names)


def test_the_script_says_that_it_needs_a_folder(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([]) == 2
    assert "which folder" in capsys.readouterr().err
