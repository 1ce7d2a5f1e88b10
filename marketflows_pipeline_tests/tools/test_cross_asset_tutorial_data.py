"""The tutorial's made-up market can be made anew, to the byte."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from marketflows_pipeline.tutorial.cross_asset_provider import CROSS_ASSET_FOLDER, cross_asset_credit
from marketflows_pipeline_tests.tools.conftest import LoadTool

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def script(tool: LoadTool) -> ModuleType:
    # Loaded first, so that the script finds it by name as it does beside it in its folder.
    tool("cross_asset_simulation")
    return tool("make_cross_asset_tutorial_data")


def test_the_same_seed_makes_the_packaged_files(script: ModuleType, tmp_path: Path) -> None:
    script.main(["--out", str(tmp_path)])
    packaged = {file.name: file.read_bytes() for file in CROSS_ASSET_FOLDER.iterdir()}
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made.keys() == packaged.keys()
    assert [name for name in made if made[name] != packaged[name]] == []


def test_another_seed_makes_other_figures(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "N_MARKETS", 1)
    script.main(["--seed", "7", "--out", str(tmp_path)])
    assert cross_asset_credit(tmp_path) == "Made-up data, seed 7"
    for name in ("bars.parquet", "shares.parquet", "volatility.parquet"):
        assert (tmp_path / name).read_bytes() != (CROSS_ASSET_FOLDER / name).read_bytes()
