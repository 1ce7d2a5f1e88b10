"""The section about the data itself: how old, checked, covered, held, corrected, left out, and what it cost."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import Wanted, section_of
from marketflows_pipeline.report.sections.quality_corrections import (
    providers_card,
    quarantine_card,
    revisions_card,
    told_card,
)
from marketflows_pipeline.report.sections.quality_rows import exchange_coverage_card, held_card, index_card
from marketflows_pipeline.report.sections.quality_state import calls_card, checks_card, failures_card, freshness_card

_WANTED = (
    Wanted("Freshness", (), freshness_card, "no table is published"),
    Wanted("Checks", ("meta.check_results",), checks_card, "no run has recorded any yet"),
    Wanted("Failed checks", ("meta.check_results",), failures_card, "none failed, as far as any is recorded"),
    Wanted("Held values", ("core.market_cap_grid",), held_card, "every value of the grid is observed"),
    Wanted("Coverage of indices", ("mart.narrative_index",), index_card, "no index has a close yet"),
    Wanted("Coverage of exchanges", ("mart.exchange_coverage",), exchange_coverage_card, "no gap is known"),
    Wanted(
        "Market caps of a second provider",
        ("core.provider_comparison",),
        providers_card,
        "none is compared: see market_caps.cross_check in docs/settings.md",
    ),
    Wanted("Requests this month", ("meta.api_calls",), calls_card, "none is recorded"),
    Wanted("Corrections by services", ("meta.revisions",), revisions_card, "none was seen"),
    Wanted("Corrections of the brief", ("meta.brief_statements",), told_card, "no sentence that was told is wrong now"),
    Wanted("Quarantine", ("meta.quarantine",), quarantine_card, "no stored row is left out"),
)


def quality(file: PublishedFile) -> Section:
    """The section about the data itself."""
    section = section_of(file, "quality", "Data quality", _WANTED)
    return replace(section, notes=(*section.notes, *file.provider_cannot))
