"""Portfolios: their sums, chained index and attribution, and the coins of each in a small chart."""

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
from marketflows_pipeline.report.sections.series import portfolios_of
from marketflows_pipeline.report.sections.words import PRICE_NOT_INFLOW, held_words
from marketflows_pipeline.system.printable import presentable_name
from marketflows_pipeline.transforms.categories import COHORT, NARRATIVES, PORTFOLIOS, RANGES

FIXED = "coins as configured today, over all of the window"


def portfolios_section(file: PublishedFile) -> Section:
    """The section of portfolios; nothing, and no note, where none is configured."""
    own = portfolios_of(file, (NARRATIVES, PORTFOLIOS, RANGES, COHORT))
    if not own:
        return Section("portfolios", "Portfolios", ())
    measures = measures_of(file)
    caveats = (FIXED, PRICE_NOT_INFLOW, *held_words(file))
    coins = {
        f"coins of {name}": category_card(
            file, name, measures, caveats, key=f"portfolio-{place}", noun=f"coins of {presentable_name(name)}", width=2
        )
        for place, name in enumerate(own, start=1)
    }
    return section_of_cards(
        "portfolios",
        "Portfolios",
        {
            "curves of portfolios": category_card(file, PORTFOLIOS, measures, caveats),
            "chained index": index_card(file, PORTFOLIOS, measures),
            **coins,
            "attribution": attribution_card(file, PORTFOLIOS),
            "contributions": contributions_card(file, PORTFOLIOS),
            "gains": gains_card(file, PORTFOLIOS, FIXED),
        },
    )
