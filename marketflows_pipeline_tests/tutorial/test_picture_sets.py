"""Which of the tutorial's pictures belong to which set."""

from __future__ import annotations

import json
import pkgutil
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.assets.cross_asset_output import CROSS_ASSET_PICTURES
from marketflows_pipeline.assets.exchanges_output import EXCHANGE_PICTURES
from marketflows_pipeline.assets.market_caps_output import MARKET_CAP_PICTURES
from marketflows_pipeline.charts.rendering.plan import RenderJob, chosen_jobs
from marketflows_pipeline.charts.style.colours import with_values
from marketflows_pipeline.charts.style.look import PictureSet
from marketflows_pipeline.options import TUTORIAL_PRIVATE, RunOptions
from marketflows_pipeline.run_context import open_run
from marketflows_pipeline_tests.tutorial.run import TutorialRun

pytestmark = pytest.mark.slow

ALL = (MARKET_CAP_PICTURES, EXCHANGE_PICTURES, CROSS_ASSET_PICTURES)
NAMED_COLOUR = re.compile(r'"(?:var|color-mix)\([^"]*\)"')
ESSENTIAL = """
CrossAsset_correlations.png CrossAsset_flow_map_all.png CrossAsset_flow_ranking_all.png
CrossAsset_price_against_flow.png CrossAsset_regimes.png
Exchanges_HHI_spot_volume.png Exchanges_netflow_league.png Exchanges_reserves_all.png
Majors_MC_by_us-dollar_ema20_unit.png Majors_growth_panels.png Majors_level_panels.png
Majors_percent_gains_all_bases.png
MarketCaps_breadth_Narratives.png MarketCaps_breadth_Ranges.png
Narratives_MC_by_us-dollar_ema20_unit.png Narratives_attribution_30d.png Narratives_growth_panels.png
Narratives_level_panels.png Narratives_percent_gains_all_bases.png
Payments_MC_by_us-dollar_ema20_unit.png Payments_growth_panels.png Payments_level_panels.png
Payments_percent_gains_all_bases.png
Portfolios_attribution_30d.png Portfolios_growth_panels.png Portfolios_level_panels.png
Portfolios_percent_gains_all_bases.png
Ranges_MC_by_us-dollar_ema20_unit.png Ranges_attribution_30d.png Ranges_growth_panels.png Ranges_level_panels.png
Ranges_migration_30d.png Ranges_percent_gains_all_bases.png
Rotation_cross-asset_by_SPY.png Rotation_narratives_by_bitcoin.png
"""


@pytest.fixture(scope="module")
def jobs(tutorial_run: TutorialRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RenderJob]]:
    """What the tutorial would draw, from a copy of its database."""
    folder = tmp_path_factory.mktemp("sets")
    (folder / TUTORIAL_PRIVATE).parent.mkdir()
    shutil.copy(tutorial_run.folder / TUTORIAL_PRIVATE, folder / TUTORIAL_PRIVATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with open_run(RunOptions(tutorial=True), run_id="sets") as run:
            yield [job for pictures in ALL for job in pictures.jobs(run)]


def names(jobs: list[RenderJob], of: PictureSet) -> set[str]:
    """Names of a set's pictures that have something to show; those of trained models come and go."""
    shown = [job for job in chosen_jobs(jobs, of) if job.spec.reason_to_skip(job.frame) is None]
    return {job.file_name for job in shown if "_model_" not in job.file_name}


def test_the_essential_pictures_are_these(jobs: list[RenderJob]) -> None:
    assert names(jobs, "essential") == set(ESSENTIAL.split())


def test_the_documents_set_is_all_that_a_run_has_drawn(jobs: list[RenderJob], tutorial_run: TutorialRun) -> None:
    drawn = {path.name for path in Path(tutorial_run.folder / "output_plots_tutorial").glob("*.png")}

    assert names(jobs, "document") == {name for name in drawn if "_model_" not in name}
    assert names(jobs, "none") == set()


def test_every_colour_of_a_picture_stands_where_colours_are_looked_for(jobs: list[RenderJob]) -> None:
    """Elsewhere ``var(--ink)`` is the name of a coin, and a colour would be drawn as black."""
    one_of_each = {type(job.spec): job for job in jobs if job.spec.reason_to_skip(job.frame) is None}
    left = {}
    for job in one_of_each.values():
        chart = pkgutil.resolve_name(job.spec.draw)(job.frame, job.spec).to_dict(validate=False)
        left[job.file_name] = NAMED_COLOUR.findall(json.dumps(with_values(chart, "light")))

    assert {name: found for name, found in left.items() if found} == {}
    assert len(left) > 20
