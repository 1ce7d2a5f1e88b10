"""Take pictures of a tutorial run as the expected ones of the tests, one of each kind, small, and as those of README.

Usage: python -m marketflows_pipeline_tests.tutorial.pictures FOLDER_OF_PICTURES

To be run after a look at the pictures, when a change of how they look is meant.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

EXPECTED = Path(__file__).parent / "expected"
IN_README = Path(__file__).parents[2] / "docs" / "pictures"
KINDS = (
    "Narratives_MC_by_us-dollar.png",
    "Portfolios_MC_by_bitcoin_ema20.png",
    "Ranges_MC_by_us-dollar_growth.png",
    "Majors_MC_by_us-dollar_ema20_inflection.png",
    "Payments_MC_by_bitcoin_unit.png",
    "Ranges_MC_by_us-dollar_percent_gains_table.png",
    "Exchanges_reserves_kraken.png",
    "Exchanges_TVL_ranking_cex.png",
    "CrossAsset_flow_map_63.png",
    "CrossAsset_regimes.png",
)
SHOWN = {
    "narratives.png": "Narratives_MC_by_us-dollar.png",
    "gains.png": "Ranges_MC_by_us-dollar_percent_gains_table.png",
    "exchange_reserves.png": "Exchanges_reserves_kraken.png",
    "flow_map.png": "CrossAsset_flow_map_63.png",
    "regimes.png": "CrossAsset_regimes.png",
}
SHRUNK_BY = 4


def shrunk(path: Path) -> Image.Image:
    """A picture at a quarter of its size, in which the rendering of single pixels no longer counts."""
    picture = Image.open(path).convert("RGB")
    return picture.resize((picture.width // SHRUNK_BY, picture.height // SHRUNK_BY), Image.Resampling.BOX)


def main(folder: Path) -> None:
    """Write the expected pictures, and README's at half their size."""
    EXPECTED.mkdir(parents=True, exist_ok=True)
    for name in KINDS:
        shrunk(folder / name).quantize(128).save(EXPECTED / name, optimize=True)
    for name, source in SHOWN.items():
        Image.open(folder / source).convert("RGB").reduce(2).quantize(96).save(IN_README / name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
