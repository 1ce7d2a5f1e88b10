"""The tutorial's market and results can be made anew, to the byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.tutorial.files import PACKAGED, data_credit
from marketflows_pipeline_tests.tools.conftest import LoadTool

pytestmark = pytest.mark.slow

MADE = ("README.md", "categories.csv", "coins.csv", "market_caps.parquet")


def _made(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in (*(folder / name for name in MADE), *(folder / "stored").iterdir())
    }


@pytest.fixture(scope="module")
def made(tool: LoadTool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    tool("tutorial_world")
    tool("make_tutorial_data").main(["--out", str(folder)])
    return folder


def test_the_same_seed_makes_the_packaged_files(made: Path) -> None:
    packaged, found = _made(PACKAGED), _made(made)
    assert found.keys() == packaged.keys()
    assert [name for name in found if found[name] != packaged[name]] == []


def test_another_seed_makes_other_figures(tool: LoadTool, tmp_path: Path) -> None:
    tool("make_tutorial_data").main(["--seed", "2", "--out", str(tmp_path)])
    assert data_credit(tmp_path) == "Made-up data, seed 2"
    same = [name for name, content in _made(tmp_path).items() if content == _made(PACKAGED)[name]]
    assert same == ["categories.csv", "coins.csv"]


def test_bitcoin_and_ether_cost_what_their_daily_bars_say() -> None:
    caps = pl.read_parquet(PACKAGED / "market_caps.parquet")
    bars = pl.read_parquet(PACKAGED / "cross_asset/bars.parquet").with_columns(pl.col("close_usd").cast(pl.Float64))
    for coin, symbol in (("bitcoin", "BTC"), ("ethereum", "ETH")):
        closes = bars.filter(symbol=symbol).select(day=pl.col("session").dt.offset_by("1d"), close="close_usd")
        prices = caps.filter(coin_id=coin).select("price_usd", day=pl.col("ts").dt.date(), time=pl.col("ts").dt.time())
        both = prices.filter(time=pl.time(0)).join(closes, on="day")
        assert both.height >= 399
        assert both.select(((pl.col("price_usd") / pl.col("close")) - 1).abs().max()).item() < 1e-7


def test_the_golden_tables_are_what_the_script_computes(tool: LoadTool, tmp_path: Path) -> None:
    for name in ("config.toml", "market_caps.parquet", "categories.csv"):
        shutil.copy(PACKAGED / name, tmp_path)
    tool("golden").main([str(tmp_path)])
    tool("golden_exchanges").main([str(PACKAGED / "exchanges"), str(tmp_path)])
    tool("golden_cross_asset").main([str(tmp_path)])
    for file in PACKAGED.glob("golden.*.parquet"):
        assert pl.read_parquet(tmp_path / file.name).equals(pl.read_parquet(file)), file.name
