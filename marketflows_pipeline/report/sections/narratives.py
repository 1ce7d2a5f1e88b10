"""Narratives: their curves, chained index, gains, contributions, rotation and attribution."""

from __future__ import annotations

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.attribution import attribution_card
from marketflows_pipeline.report.sections.cards import section_of_cards
from marketflows_pipeline.report.sections.categories import category_card
from marketflows_pipeline.report.sections.contributions import contributions_card
from marketflows_pipeline.report.sections.controls import measures_of
from marketflows_pipeline.report.sections.gains import gains_card
from marketflows_pipeline.report.sections.index import index_card
from marketflows_pipeline.report.sections.rotation import rotation_cards
from marketflows_pipeline.report.sections.words import PRICE_NOT_INFLOW, held_words
from marketflows_pipeline.transforms.categories import NARRATIVES

HINDSIGHT = "today's members drawn back, so that history is survivor-biased"


def narratives_section(file: PublishedFile) -> Section:
    """The section of narratives; cards whose tables are missing are named in its notes."""
    measures = measures_of(file)
    caveats = (HINDSIGHT, PRICE_NOT_INFLOW, *held_words(file))
    rotations = rotation_cards(file)
    return section_of_cards(
        "narratives",
        "Narratives",
        {
            "curves of narratives": category_card(file, NARRATIVES, measures, caveats),
            "chained index": index_card(file, NARRATIVES, measures),
            **({f"rotation {place}": card for place, card in enumerate(rotations)} or {"rotation": None}),
            "attribution": attribution_card(file, NARRATIVES),
            "contributions": contributions_card(file, NARRATIVES),
            "gains": gains_card(file, NARRATIVES, HINDSIGHT),
        },
    )
