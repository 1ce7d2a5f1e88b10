"""The section about funds and other assets: flows, who gained, regimes, correlations, models, fresh money."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import Wanted, section_of
from marketflows_pipeline.report.sections.cross_context import comparison_card, reference_card
from marketflows_pipeline.report.sections.cross_flows import FLOWS, brief_card, groups_card, windows_of
from marketflows_pipeline.report.sections.cross_map import correlations_card, map_card
from marketflows_pipeline.report.sections.cross_models import models_card, scores_card
from marketflows_pipeline.report.sections.cross_ranking import against_price_card, ranking_card
from marketflows_pipeline.report.sections.cross_regimes import regimes_card
from marketflows_pipeline.report.sections.cross_rotation import rotation_card
from marketflows_pipeline.report.sections.fresh_money import fresh_money_card


def cross_asset(file: PublishedFile) -> Section:
    """The section about funds and other assets, of what the file holds."""
    windows = windows_of(file) if file.has(FLOWS) else None
    wanted = (
        Wanted("Flows against their past", (FLOWS,), partial(brief_card, windows=windows)),
        Wanted("Flow ranking", ("mart.flow_rankings",), ranking_card),
        *_only_with_rows(file, Wanted("Groups of funds", ("mart.fund_group_flows",), groups_card)),
        Wanted("Flow map", ("mart.flow_map",), map_card),
        Wanted("Flow beside price", ("mart.flow_rankings",), against_price_card),
        *_only_with_rows(file, Wanted("Reported flows", ("mart.flow_comparison",), comparison_card)),
        Wanted("Correlations", ("mart.correlations",), correlations_card),
        Wanted("Rotation of assets", ("mart.cross_asset_rotation",), rotation_card, "no asset has a place yet"),
        Wanted("Regimes", ("mart.regimes",), regimes_card),
        *_only_with_rows(file, Wanted("Reference series", ("mart.reference_series",), reference_card)),
        Wanted("Fresh money", (), partial(fresh_money_card, windows=windows)),
        Wanted("Models", ("mart.model_evaluation",), models_card, "none is trained; the command train makes one"),
        Wanted("Probabilities", ("mart.model_scores",), scores_card, "no model has scored a session yet"),
    )
    return section_of(file, "cross-asset", "Cross-asset", wanted)


def _only_with_rows(file: PublishedFile, *wanted: Wanted) -> Iterator[Wanted]:
    """Cards of what the settings need not have, which nobody misses where there is none."""
    return (each for each in wanted if all(file.has(table) for table in each.tables))
