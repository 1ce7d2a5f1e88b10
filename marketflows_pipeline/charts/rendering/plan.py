"""Which charts have to be drawn: those whose figures, description or drawing changed. Loads no Altair."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from polars import selectors as cs

from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.charts.spec import Spec
from marketflows_pipeline.charts.style.look import Look, PictureSet
from marketflows_pipeline.charts.style.typeface import FOLDER

_MISSING = np.int64(-(2**62))


@dataclass(frozen=True)
class RenderJob:
    """One chart to be drawn: its figures, as the drawing function takes them, and its specification."""

    frame: pl.DataFrame
    spec: Spec

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return self.spec.file_name


@dataclass
class Plan:
    """What is to be done with each chart; ``due`` holds the hash of the inputs beside the job."""

    unchanged: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    due: list[tuple[RenderJob, str]] = field(default_factory=list)


def chart_job(frame: pl.DataFrame, spec: Spec) -> RenderJob:
    """A chart from the columns that its specification names: a change of any other column must not redraw it."""
    return RenderJob(frame.select(spec.columns), spec)


def chosen_jobs(jobs: Sequence[RenderJob], name: PictureSet) -> list[RenderJob]:
    """The pictures of a set, in their order: all, those fit to paste, or none."""
    if name == "none":
        return []
    return [job for job in jobs if name == "document" or job.spec.is_essential]


def input_digest(job: RenderJob, engine: str) -> str:
    """Hash of everything a chart is drawn from, without drawing it.

    Numbers count to a millionth of their column's range, far finer than a pixel: sums taken in parallel differ in
    their last bits from run to run. Missing and non-finite numbers are equal. The order of rows counts.

    Args:
        job: the chart.
        engine: hash of what all charts share.
    """
    content = hashlib.blake2b(digest_size=16)
    numbers = job.frame.select(cs.float())
    for column in numbers:
        content.update(f"{column.name}|{column.dtype}|".encode())
        content.update(_coarse(column.to_numpy()).tobytes())
    buffer = io.BytesIO()
    job.frame.drop(numbers.columns).rechunk().write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
    content.update(buffer.getbuffer())
    content.update(f"{engine}|{job.spec.draw}|{job.spec!r}".encode())
    return content.hexdigest()


def _coarse(values: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Numbers as whole multiples of a power of ten near a millionth of their range; missing ones as a far number.

    By numpy, which takes a third of polars' time for the hundreds of short columns of an hour.
    """
    coarse = np.full(len(values), _MISSING)
    is_finite = np.isfinite(values)
    finite = values[is_finite]
    if finite.size:
        low, high = float(finite.min()), float(finite.max())
        # Around a constant only noise is left; it is no finer than a trillionth of the constant.
        width = max((high - low) * 1e-6, max(abs(low), abs(high)) * 1e-12)
        unit = 10.0 ** math.floor(math.log10(width)) if width else 1.0
        coarse[is_finite] = np.rint(finite / unit)
    return coarse


def engine_digest(scale: float, look: Look) -> str:
    """Hash of what all charts share: the scale, the look, the drawing code, the face, the versions of what draws."""
    content = hashlib.blake2b(digest_size=16)
    content.update(f"{scale}|{look!r}|{version('altair')}|{version('vl-convert-python')}".encode())
    code, face = Path(__file__).parents[1].rglob("*.py"), FOLDER.glob("*.*")
    for source in (*sorted(code), *sorted(face)):
        content.update(source.read_bytes())
    return content.hexdigest()


def planned(jobs: Sequence[RenderJob], manifest: Manifest, engine: str) -> Plan:
    """What is to be done with these charts, beside the record of those that were drawn.

    Args:
        jobs: the charts.
        manifest: the record.
        engine: hash of what all charts share.
    """
    plan = Plan()
    for job in jobs:
        inputs = input_digest(job, engine)
        if manifest.is_current(job.file_name, inputs):
            plan.unchanged.append(job.file_name)
            continue
        try:
            reason = job.spec.reason_to_skip(job.frame)
        except (ValueError, pl.exceptions.PolarsError) as error:
            plan.failed[job.file_name] = str(error)
            continue
        if reason is None:
            plan.due.append((job, inputs))
        else:
            plan.skipped.append((job.file_name, reason))
    return plan
