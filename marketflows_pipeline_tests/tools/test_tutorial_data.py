"""The tutorial's figures and results can be made anew, from real figures or made-up ones."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.tutorial.files import PACKAGED, data_as_of, data_credit
from marketflows_pipeline.tutorial.provider import TutorialProvider
from marketflows_pipeline_tests.tools.conftest import LoadTool

pytestmark = pytest.mark.slow


@pytest.fixture
def synthetic(tool: LoadTool, tmp_path: Path) -> Path:
    tool("make_tutorial_data").main(["--synthetic", "--out", str(tmp_path)])
    shutil.copy(PACKAGED / "config.toml", tmp_path)
    return tmp_path


def test_made_up_figures_have_the_shape_of_the_packaged_ones(synthetic: Path) -> None:
    packaged, made_up = (pl.read_parquet(folder / "market_caps.parquet") for folder in (PACKAGED, synthetic))
    assert made_up.schema == packaged.schema
    midnights, made_up_midnights = (
        frame.filter(pl.col("ts").dt.time() == pl.time(0)).select("coin_id", "ts") for frame in (packaged, made_up)
    )
    assert made_up_midnights.equals(midnights)
    assert made_up.height == packaged.height
    for name in ("coins.csv", "narrative_members.csv"):
        assert (synthetic / name).read_text() == (PACKAGED / name).read_text()


def test_made_up_figures_say_so(synthetic: Path) -> None:
    assert "made up" in (synthetic / "README.md").read_text()
    assert "CoinGecko" not in (synthetic / "README.md").read_text()
    assert data_credit(synthetic) == "Made-up data, seed 1"
    assert data_credit() == "Data provided by CoinGecko"


def test_the_same_seed_makes_the_same_files(
    tool: LoadTool, synthetic: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again, other = tmp_path_factory.mktemp("again"), tmp_path_factory.mktemp("other")
    tool("make_tutorial_data").main(["--synthetic", "--out", str(again)])
    tool("make_tutorial_data").main(["--synthetic", "--seed", "2", "--out", str(other)])
    made, same, different = ((folder / "market_caps.parquet").read_bytes() for folder in (synthetic, again, other))
    assert made == same
    assert made != different


def test_made_up_figures_serve_a_tutorial_and_have_a_golden_result(tool: LoadTool, synthetic: Path) -> None:
    assert datetime(2026, 3, 4, 11, tzinfo=UTC) < data_as_of(synthetic) < datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert TutorialProvider(synthetic).history("tron", 91).height == 92
    tool("golden").main([str(synthetic)])
    names = {file.name for file in synthetic.glob("golden.*.parquet")}
    assert len(names) == 7
    for name in names:
        made, packaged = pl.read_parquet(synthetic / name), pl.read_parquet(PACKAGED / name)
        assert made.schema == packaged.schema
        assert made.height == packaged.height


def test_the_golden_tables_are_what_the_script_computes(tool: LoadTool, tmp_path: Path) -> None:
    for name in ("config.toml", "market_caps.parquet", "narrative_members.csv"):
        shutil.copy(PACKAGED / name, tmp_path)
    tool("golden").main([str(tmp_path)])
    tool("golden_exchanges").main([str(PACKAGED / "exchanges"), str(tmp_path)])
    tool("golden_cross_asset").main([str(tmp_path)])
    for file in PACKAGED.glob("golden.*.parquet"):
        assert pl.read_parquet(tmp_path / file.name).equals(pl.read_parquet(file)), file.name


def test_the_packaged_figures_are_those_that_were_fetched(tool: LoadTool, tmp_path: Path) -> None:
    folder = os.environ.get("MARKETFLOWS_REAL_DATA")
    if folder is None:
        pytest.skip("MARKETFLOWS_REAL_DATA names no folder with the figures as they were fetched")
    tool("make_tutorial_data").main([str(Path(folder) / "data" / "tutorial_source"), "--out", str(tmp_path)])
    assert pl.read_parquet(tmp_path / "market_caps.parquet").equals(pl.read_parquet(PACKAGED / "market_caps.parquet"))
    for name in ("coins.csv", "narrative_members.csv", "README.md"):
        assert (tmp_path / name).read_text() == (PACKAGED / name).read_text()
