"""The flows of funds agree with a second computation by the text of the rules: splits, gaps, trade sessions."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.tools.conftest import LoadTool
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    bars_of,
    shares_of,
    splits_of,
    supply_of,
    universe_of,
    weekdays,
)

pytestmark = pytest.mark.slow

N = 60
DAYS = weekdays(N)
# What happens to each fund: a split of this ratio on the 30th count, and where it is listed, counted from there.
FUNDS: dict[str, tuple[float, int | None, bool, str]] = {
    "PLAIN": (1.0, None, True, "blackrock:historical"),
    "UNLISTED": (10.0, None, True, "ssga:navhist"),
    "SUSPECT": (4.0, None, False, "blackrock:historical"),
    "LATE": (4.0, -1, True, "blackrock:historical"),
    "EARLY": (0.1, 3, False, "folder:shares"),
    "SMALL": (1.05, -2, False, "folder:shares"),
    "EXACT": (1.5, 0, True, "ssga:navhist"),
}


def tables() -> dict[str, pl.DataFrame]:
    """Raw tables of the funds: a third of the sessions has no creations, a tenth no figures, some no shares."""
    dice = random.Random(5)
    closes: dict[str, list[float | None]] = {}
    figures, splits = [], {}
    for symbol, (ratio, listed, has_navs, source) in FUNDS.items():
        price, count = 100.0, 1e6
        closes[symbol], counts, navs, assets = [], [], [], []
        for number in range(N):
            price *= 1 + dice.gauss(0, 0.01)
            if number != 30 and dice.random() > 0.3:
                count += dice.choice([-50_000.0, 50_000.0, 100_000.0])
            if symbol == "PLAIN" and number == 20:
                count *= 1.4
            unit = 1.0 if number >= 30 else ratio
            is_missing = abs(number - 30) > 1 and dice.random() < 0.1
            has_assets_alone = has_navs and 40 < number < 44
            closes[symbol].append(price * (1 + dice.gauss(0, 1e-3)))
            counts.append(None if is_missing or has_assets_alone else count / unit)
            navs.append(price * unit if has_navs else None)
            assets.append(count * price if has_navs and not is_missing else None)
        figures.append(shares_of({symbol: counts}, {symbol: navs}, {symbol: assets}, source=source))
        if listed is not None:
            splits[symbol] = {DAYS[30 + listed]: ratio}
    return {
        "raw.daily_bars": bars_of(closes),
        "raw.shares_outstanding": pl.concat(figures),
        "raw.corporate_actions": splits_of(splits),
    }


@pytest.fixture(scope="module")
def made() -> dict[str, pl.DataFrame]:
    raw = tables()
    flows = asset_flows(
        raw["raw.daily_bars"],
        raw["raw.shares_outstanding"],
        raw["raw.corporate_actions"],
        supply_of({}),
        universe_of(*FUNDS),
    )
    return raw | {"core.asset_flows": flows}


@pytest.fixture(scope="module")
def script(tool: LoadTool) -> ModuleType:
    return tool("recompute_fund_flows")


def recomputed(script: ModuleType, made: dict[str, pl.DataFrame], flows: pl.DataFrame) -> list[str]:
    shares = made["raw.shares_outstanding"].with_columns(fetched_on=pl.col("fetched_at").dt.date())
    expected = script.recompute(
        made["raw.daily_bars"].to_dicts(), shares.to_dicts(), made["raw.corporate_actions"].to_dicts(), {}
    )
    found: list[str] = script.differences(expected, flows.to_dicts())
    return found


def test_every_figure_agrees(script: ModuleType, made: dict[str, pl.DataFrame]) -> None:
    flows = made["core.asset_flows"]

    assert recomputed(script, made, flows) == []
    for name in script.COLUMNS:
        assert flows[name].drop_nulls().n_unique() >= (1 if flows[name].dtype == pl.String else 2), name


@pytest.mark.parametrize("column", ["flow_usd", "gap_flow_usd", "trade_flow_usd"])
def test_a_wrong_figure_is_named(script: ModuleType, made: dict[str, pl.DataFrame], column: str) -> None:
    wrong = made["core.asset_flows"].with_columns(pl.col(column) * 1.001)

    assert all(f" {column}: " in line for line in recomputed(script, made, wrong))
    assert recomputed(script, made, wrong)


def test_a_file_is_compared_as_a_whole(
    script: ModuleType, made: dict[str, pl.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = pl.lit(datetime(2026, 11, 20, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    with Warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        for name in ("raw.daily_bars", "raw.shares_outstanding", "raw.corporate_actions"):
            rows = made[name].with_columns(fetched_at=stamp, source=pl.col("source").fill_null("folder:bars"))
            warehouse.merge(name, rows.select(table(name).column_names))
        warehouse.replace("core.asset_flows", made["core.asset_flows"])

    assert script.main([str(tmp_path / "warehouse.duckdb")]) == 0
    assert capsys.readouterr().out.endswith("420 rows, 0 differences\n")


def test_the_script_says_that_it_needs_a_file(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([]) == 2
    assert "which file" in capsys.readouterr().err
