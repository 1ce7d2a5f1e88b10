"""All sections about coins, in reading order."""

from __future__ import annotations

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.breadth import breadth_section
from marketflows_pipeline.report.sections.narratives import narratives_section
from marketflows_pipeline.report.sections.portfolios import portfolios_section
from marketflows_pipeline.report.sections.ranges import ranges_section


def crypto_sections(file: PublishedFile) -> tuple[Section, ...]:
    """Narratives, breadth, ranges and portfolios; a section may have no cards."""
    return narratives_section(file), breadth_section(file), ranges_section(file), portfolios_section(file)
