"""The tutorial's exchange figures can be made anew, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.tutorial.exchange_provider import EXCHANGES_FOLDER, exchange_data_credit
from marketflows_pipeline_tests.tools.conftest import LoadTool


@pytest.mark.slow
def test_the_same_seed_makes_the_packaged_files(tool: LoadTool, tmp_path: Path) -> None:
    tool("make_exchange_tutorial_data").main(["--out", str(tmp_path)])
    packaged = {file.name: file.read_bytes() for file in EXCHANGES_FOLDER.iterdir()}
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made.keys() == packaged.keys()
    assert [name for name in made if made[name] != packaged[name]] == []


def test_another_seed_makes_other_figures(tool: LoadTool, tmp_path: Path) -> None:
    tool("make_exchange_tutorial_data").main(["--seed", "2", "--out", str(tmp_path)])
    assert exchange_data_credit(tmp_path) == "Made-up data, seed 2"
    for name in ("token_balances.parquet", "volume_charts.parquet", "exchanges.csv"):
        assert (tmp_path / name).read_bytes() != (EXCHANGES_FOLDER / name).read_bytes()
