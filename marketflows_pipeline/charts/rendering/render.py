"""Turn charts into PNG files: only those that changed, in parallel, each written whole.

Altair is loaded only when something has to be drawn.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import math
import pkgutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors as cs

from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.charts.rendering.pool import DrawingError, DrawingPool, drawing_pool
from marketflows_pipeline.charts.spec import Spec
from marketflows_pipeline.charts.style.look import Look, drawn_as
from marketflows_pipeline.charts.style.typeface import FOLDER
from marketflows_pipeline.errors import RenderError, UnsafeFileError
from marketflows_pipeline.system.safe_files import clear_drafts, shared_folder

THUMBNAIL_BYTES = 40_000
_THUMBNAIL_SCALE = 0.5
_USUAL = Look()


@dataclass(frozen=True)
class RenderJob:
    """One chart to be drawn: its figures, as the drawing function takes them, and its specification."""

    frame: pl.DataFrame
    spec: Spec

    @property
    def file_name(self) -> str:
        """Name of the PNG."""
        return self.spec.file_name


@dataclass(frozen=True)
class RenderReport:
    """What became of the charts, by file name.

    Attributes:
        drawn: written anew.
        unchanged: left as they were, since neither figures nor description changed.
        skipped: not drawn, with the reason.
        removed: charts of an earlier configuration, taken away.
    """

    drawn: tuple[str, ...]
    unchanged: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]

    @property
    def outdated(self) -> dict[str, list[str]]:
        """Removed charts that no job names any more, by family; one that is skipped has a reason of its own."""
        skipped = {name for name, _ in self.skipped}
        families: dict[str, list[str]] = {}
        for name in self.removed:
            if name not in skipped:
                families.setdefault(name.partition("_")[0], []).append(name)
        return families


@dataclass
class _Plan:
    """What is to be done with each chart; ``due`` holds the hash of the inputs beside the job."""

    unchanged: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    due: list[tuple[RenderJob, str]] = field(default_factory=list)


def chart_job(frame: pl.DataFrame, spec: Spec) -> RenderJob:
    """A chart from the columns that its specification names: a change of any other column must not redraw it."""
    return RenderJob(frame.select(spec.columns), spec)


def render_all(
    jobs: Sequence[RenderJob],
    out_dir: Path,
    scale: float = 2,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    look: Look = _USUAL,
    part: str = "market_caps",
    is_tutorial: bool = False,
) -> RenderReport:
    """Bring the charts of one part in a folder up to date.

    A chart is drawn when its figures, its description, the scale, the drawing code or the drawing libraries
    changed, or when its file is missing or damaged. Charts of this part that are not among the jobs any more, or
    have nothing to show, are removed if this program wrote them; no other file is touched.

    Args:
        jobs: the part's charts, all of them.
        out_dir: the folder; created where missing.
        scale: pixels per pixel of the design (2 makes 1920 x 1440).
        on_progress: called with (done, total) after each chart that had to be drawn.
        look: theme, size and watermark; another one draws every chart anew.
        part: whose charts these are; several parts share a folder without knowing each other.
        is_tutorial: whether they show the tutorial's figures, which never share a folder with live ones.

    Returns:
        What was drawn, left, skipped and removed.

    Raises:
        RenderError: some charts could not be drawn; it names them, and all others are written. Or the folder
            cannot be written.
        UserInputError: the tutorial would draw among live charts.
        ValueError: two jobs have the same file name.
    """
    names = [job.file_name for job in jobs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two charts would be written to {', '.join(twice)}")
    try:
        shared_folder(out_dir)
        clear_drafts(out_dir)
    except OSError as error:
        raise RenderError(f"charts cannot be written to {out_dir}: {error.strerror}") from error
    manifest = Manifest.read(out_dir)
    manifest.claim(is_tutorial=is_tutorial)
    plan = _planned(jobs, manifest, _engine(scale, look))
    drawn: list[str] = []
    if plan.due:
        with drawing_pool(len(plan.due)) as pool:
            charts = _in_order(pool, [job for job, _ in plan.due], scale, look)
            for done, ((job, inputs), chart) in enumerate(zip(plan.due, charts, strict=True), start=1):
                try:
                    manifest.write_chart(job.file_name, part, inputs, chart.result())
                    drawn.append(job.file_name)
                except (DrawingError, UnsafeFileError) as error:
                    plan.failed[job.file_name] = str(error)
                except OSError as error:
                    raise RenderError(f"{job.file_name} cannot be written to {out_dir}: {error.strerror}") from error
                if on_progress is not None:
                    on_progress(done, len(plan.due))
    try:
        removed = manifest.remove_stale(part, [*plan.unchanged, *drawn, *plan.failed])
    except OSError as error:
        raise RenderError(f"old charts cannot be removed from {out_dir}: {error.strerror}") from error
    if plan.failed:
        errors = "; ".join(f"{name}: {error}" for name, error in plan.failed.items())
        raise RenderError(f"{len(plan.failed)} of {len(jobs)} charts could not be drawn: {errors}")
    return RenderReport(tuple(drawn), tuple(plan.unchanged), tuple(plan.skipped), tuple(removed))


def thumbnails(jobs: Sequence[RenderJob], max_bytes: int = THUMBNAIL_BYTES, *, look: Look = _USUAL) -> dict[str, bytes]:
    """Small PNGs of charts, for the Dagster UI: of each, the largest of a few scales that fits.

    Returns:
        PNG bytes by file name.

    Raises:
        RenderError: a chart could not be drawn, or is too large at any scale.
    """
    if not jobs:
        return {}
    with drawing_pool(len(jobs)) as pool:
        small = {job.file_name: _begin(pool, job, _THUMBNAIL_SCALE, look, most_bytes=max_bytes) for job in jobs}
        found = {}
        for name, png in small.items():
            try:
                found[name] = png.result()
            except DrawingError as error:
                raise RenderError(f"{name} could not be drawn as a thumbnail: {error}") from error
        return found


def input_digest(job: RenderJob, engine: str) -> str:
    """Hash of everything a chart is drawn from, without drawing it.

    Numbers count to a millionth of their column's range, far finer than a pixel: sums taken in parallel differ in
    their last bits from run to run. Missing and non-finite numbers are equal. The order of rows counts.

    Args:
        job: the chart.
        engine: hash of what all charts share.
    """
    buffer = io.BytesIO()
    frame = job.frame.with_columns(_coarse(column) for column in job.frame.select(cs.float())).rechunk()
    frame.write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
    content = hashlib.blake2b(buffer.getbuffer(), digest_size=16)
    content.update(f"{engine}|{job.spec.draw}|{job.spec!r}".encode())
    return content.hexdigest()


def _coarse(column: pl.Series) -> pl.Series:
    """Numbers as whole multiples of a power of ten near a millionth of their range; missing ones as a far number."""
    finite = column.set(~column.is_finite(), None)
    low, high = finite.min(), finite.max()
    if low is None or high is None:
        return finite.is_null().alias(column.name)
    assert isinstance(low, float)
    assert isinstance(high, float)
    # Around a constant only noise is left; it is no finer than a trillionth of the constant.
    width = max((high - low) * 1e-6, max(abs(low), abs(high)) * 1e-12)
    unit = 10.0 ** math.floor(math.log10(width)) if width else 1.0
    return (finite / unit).round().cast(pl.Int64).fill_null(-(2**62))


def _engine(scale: float, look: Look) -> str:
    """Hash of what all charts share: the scale, the look, the drawing code, the face, the versions of what draws."""
    content = hashlib.blake2b(digest_size=16)
    content.update(f"{scale}|{look!r}|{version('altair')}|{version('vl-convert-python')}".encode())
    code, face = Path(__file__).parents[1].rglob("*.py"), FOLDER.glob("*.*")
    for source in (*sorted(code), *sorted(face)):
        content.update(source.read_bytes())
    return content.hexdigest()


def _planned(jobs: Sequence[RenderJob], manifest: Manifest, engine: str) -> _Plan:
    plan = _Plan()
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


def _in_order(pool: DrawingPool, jobs: Sequence[RenderJob], scale: float, look: Look) -> Iterator[Future[bytes]]:
    """Begin every chart as early as the workers can use it, and hand each on as soon as its turn is done."""
    begun: deque[Future[bytes]] = deque()
    for job in jobs:
        begun.append(_begin(pool, job, scale, look))
        while begun and begun[0].done():
            yield begun.popleft()
    yield from begun


def _begin(pool: DrawingPool, job: RenderJob, scale: float, look: Look, *, most_bytes: int = 0) -> Future[bytes]:
    """Build the specification here and leave the drawing to a worker; an error in either is in the future."""
    draw: Callable[[pl.DataFrame, Spec], Any] = pkgutil.resolve_name(job.spec.draw)
    schemapi = importlib.import_module("altair.utils.schemapi")
    try:
        # The tests validate what is built; here it would cost half of the building again (67 checks of a ranking).
        with schemapi.debug_mode(False), drawn_as(look):
            vega_lite = draw(job.frame, job.spec).to_dict(validate=False)
        # A screen reader's attributes are a tenth of the drawing, and no chart shows them.
        vega_lite["config"]["aria"] = False
    except Exception as error:  # noqa: BLE001 - one chart's error must not cost the others; it is raised at the end
        failed: Future[bytes] = Future()
        failed.set_exception(DrawingError(f"{type(error).__name__}: {error}"))
        return failed
    return pool.submit(vega_lite, scale, look.theme, most_bytes=most_bytes)
