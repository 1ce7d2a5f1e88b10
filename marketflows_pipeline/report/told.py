"""The brief as the page shows it: what was unusual in the last day."""

from __future__ import annotations

from datetime import timedelta

from marketflows_pipeline.report.brief.brief import Brief, brief_of
from marketflows_pipeline.report.published import PublishedFile

TOLD_OF = timedelta(hours=24)


def told_brief(file: PublishedFile) -> Brief:
    """The brief of the day up to the file's present."""
    return brief_of(file, file.now - TOLD_OF)
