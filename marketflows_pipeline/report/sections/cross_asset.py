"""The section about funds and other assets: flows, who gained, regimes, correlations, models, fresh money."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import Wanted, section_of
from marketflows_pipeline.report.sections.cross_flows import FLOWS, brief_card, groups_card, windows_of
from marketflows_pipeline.report.sections.cross_map import correlations_card, map_card
from marketflows_pipeline.report.sections.cross_models import models_card, scores_card
from marketflows_pipeline.report.sections.cross_ranking import against_price_card, ranking_card
from marketflows_pipeline.report.sections.cross_regimes import comparison_card, reference_card, regimes_card
from marketflows_pipeline.report.sections.cross_rotation import rotation_card
from marketflows_pipeline.report.sections.fresh_money import fresh_money_card


def cross_asset(file: PublishedFile) -> Section:
    """The section about funds and other assets, of what the file holds."""
    windows = windows_of(file) if file.has(FLOWS) else None
    wanted = (
        Wanted("Flows against their past", (FLOWS,), partial(brief_card, windows=windows)),
        Wanted("Flow ranking", ("mart.flow_rankings",), ranking_card),
        Wanted("Groups of funds", ("mart.fund_group_flows",), groups_card, is_optional=True),
        Wanted("Flow map", ("mart.flow_map",), map_card),
        Wanted("Flow beside price", ("mart.flow_rankings",), against_price_card),
        Wanted("Reported flows", ("mart.flow_comparison",), comparison_card, is_optional=True),
        Wanted("Correlations", ("mart.correlations",), correlations_card),
        Wanted("Rotation of assets", ("mart.cross_asset_rotation",), rotation_card, "no asset has a place yet"),
        Wanted("Regimes", ("mart.regimes",), regimes_card),
        Wanted("Reference series", ("mart.reference_series",), reference_card, is_optional=True),
        Wanted("Fresh money", (), partial(fresh_money_card, windows=windows)),
        Wanted("Models", ("mart.model_evaluation",), models_card, "none is trained; the command train makes one"),
        Wanted("Probabilities", ("mart.model_scores",), scores_card, "no model has scored a session yet"),
    )
    return section_of(file, "cross-asset", "Cross-asset", wanted)
