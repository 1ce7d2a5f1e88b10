"""Which pictures are drawn: all, those fit to paste, or none."""

from __future__ import annotations

from collections.abc import Sequence

from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.charts.style.look import PictureSet


def chosen_jobs(jobs: Sequence[RenderJob], name: PictureSet) -> list[RenderJob]:
    """The pictures of a set, in their order."""
    if name == "none":
        return []
    return [job for job in jobs if name == "document" or job.spec.is_essential]
