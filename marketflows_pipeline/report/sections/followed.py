"""Narratives and portfolios: curves, chained index, attribution, contributions, gains, and what only one has."""

from __future__ import annotations

from collections.abc import Mapping

from marketflows_pipeline.report.model import Card, Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.attribution import attribution_card
from marketflows_pipeline.report.sections.cards import PRICE_NOT_INFLOW, held_words, section_of_cards
from marketflows_pipeline.report.sections.categories import category_card
from marketflows_pipeline.report.sections.controls import Measures, measures_of
from marketflows_pipeline.report.sections.gains import gains_card
from marketflows_pipeline.report.sections.index import contributions_card, index_card
from marketflows_pipeline.report.sections.rotation import rotation_cards
from marketflows_pipeline.report.sections.series import portfolios_of
from marketflows_pipeline.system.printable import presentable_name
from marketflows_pipeline.transforms.categories import NARRATIVES, PORTFOLIOS

HINDSIGHT = "today's members drawn back, so that history is survivor-biased"
FIXED = "coins as configured today, over all of the window"


def narratives_section(file: PublishedFile) -> Section:
    """The section of narratives, with a rotation against each coin; notes name the cards whose tables are missing."""
    rotations = {f"rotation {place}": card for place, card in enumerate(rotation_cards(file))}
    return _section(file, NARRATIVES, measures_of(file), HINDSIGHT, rotations or {"rotation": None})


def portfolios_section(file: PublishedFile) -> Section:
    """The section of portfolios, with a small chart of each one's coins; nothing, and no note, where there is none."""
    own = portfolios_of(file)
    if not own:
        return Section("portfolios", PORTFOLIOS, ())
    measures, caveats = measures_of(file), (FIXED, PRICE_NOT_INFLOW, *held_words(file))
    coins = {
        f"coins of {name}": category_card(
            file, name, measures, caveats, key=f"portfolio-{place}", noun=f"coins of {presentable_name(name)}", width=2
        )
        for place, name in enumerate(own, start=1)
    }
    return _section(file, PORTFOLIOS, measures, FIXED, coins)


def _section(
    file: PublishedFile, category: str, measures: Measures, caveat: str, own: Mapping[str, Card | None]
) -> Section:
    key, caveats = category.lower(), (caveat, PRICE_NOT_INFLOW, *held_words(file))
    return section_of_cards(
        key,
        category,
        {
            f"curves of {key}": category_card(file, category, measures, caveats),
            "chained index": index_card(file, category, measures),
            **own,
            "attribution": attribution_card(file, category),
            "contributions": contributions_card(file, category),
            "gains": gains_card(file, category, caveat),
        },
    )
