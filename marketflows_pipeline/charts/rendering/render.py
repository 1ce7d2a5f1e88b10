"""Turn charts into PNG files: only those that changed, each written whole, by other processes while this one goes on.

Altair is loaded there alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.charts.rendering.plan import Plan, RenderJob, engine_digest, planned
from marketflows_pipeline.charts.rendering.pool import DrawingError, DrawingPool, Drawn
from marketflows_pipeline.charts.style.look import Look
from marketflows_pipeline.errors import RenderError, UnsafeFileError
from marketflows_pipeline.system.safe_files import clear_drafts, shared_folder

THUMBNAIL_BYTES = 40_000
_USUAL = Look()


@dataclass(frozen=True)
class RenderReport:
    """What became of the charts, by file name.

    Attributes:
        drawn: written anew.
        unchanged: left as they were, since neither figures nor description changed.
        skipped: not drawn, with the reason.
        removed: charts of an earlier configuration, taken away.
        thumbnails: small PNGs of those that were drawn and asked for.
    """

    drawn: tuple[str, ...]
    unchanged: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def outdated(self) -> dict[str, list[str]]:
        """Removed charts that no job names any more, by family; one that is skipped has a reason of its own."""
        skipped = {name for name, _ in self.skipped}
        families: dict[str, list[str]] = {}
        for name in self.removed:
            if name not in skipped:
                families.setdefault(name.partition("_")[0], []).append(name)
        return families


@dataclass(frozen=True)
class _Begun:
    """The charts of one part while they are drawn: a future of each one's thumbnail, in the order of ``plan.due``."""

    manifest: Manifest
    plan: Plan
    drawn: Sequence[Future[bytes]]
    shown: frozenset[str]
    n_jobs: int


class Drawing:
    """The pictures of a run: one pool for all parts, which draws while the run goes on.

    Each picture is written as soon as it is drawn. Nothing is started before the first one is due.

    Args:
        out_dir: the folder; created where missing. Several parts share it without knowing each other.
        scale: pixels per pixel of the design (2 makes 1920 x 1440).
        look: theme, size and watermark; another one draws every chart anew.
        is_tutorial: whether they show the tutorial's figures, which never share a folder with live ones.
        thumbnail_bytes: most bytes of a thumbnail.
    """

    def __init__(
        self,
        out_dir: Path,
        scale: float = 2,
        *,
        look: Look = _USUAL,
        is_tutorial: bool = False,
        thumbnail_bytes: int = THUMBNAIL_BYTES,
    ) -> None:
        self._out_dir = out_dir
        self._scale = scale
        self._look = look
        self._is_tutorial = is_tutorial
        self._thumbnail_bytes = thumbnail_bytes
        self._pool = DrawingPool()
        self._begun: dict[str, _Begun] = {}
        self._manifest: Manifest | None = None
        self._stood_before: frozenset[str] = frozenset()
        self._writing = threading.Lock()

    def begin(self, part: str, jobs: Sequence[RenderJob], shown: Collection[str] = ()) -> None:
        """Begin to bring the charts of one part up to date.

        A chart is drawn when its figures, its description, the scale, the drawing code or the drawing libraries
        changed, or when its file is missing or damaged.

        Args:
            part: whose charts these are.
            jobs: the part's charts, all of them.
            shown: names of those of which a thumbnail is wanted where they are drawn.

        Raises:
            RenderError: the folder cannot be written.
            UserInputError: the tutorial would draw among live charts.
            ValueError: two jobs have the same file name.
        """
        names = [job.file_name for job in jobs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two charts would be written to {', '.join(twice)}")
        manifest = self._prepared()
        plan = planned(jobs, manifest, engine_digest(self._scale, self._look))
        drawn = [self._submitted(manifest, part, job, inputs, shown) for job, inputs in plan.due]
        self._begun[part] = _Begun(manifest, plan, drawn, frozenset(shown), len(jobs))

    def has_drawn(self, part: str) -> bool:
        """Whether charts of a part stand in the folder, as far as its record tells."""
        return any(entry.part == part for entry in self._prepared().entries.values())

    def has_begun(self, part: str) -> bool:
        """Whether the charts of a part are being drawn, and not yet waited for."""
        return part in self._begun

    def other_charts_stand(self) -> bool:
        """Whether all that was begun is drawn, and the folder holds other charts than before this run."""
        return not self._begun and self._prepared().entries.keys() != self._stood_before

    def n_due(self, part: str) -> int:
        """How many charts of a part had to be drawn when they were begun."""
        return len(self._begun[part].drawn)

    def finish(self, part: str, on_progress: Callable[[int, int], None] | None = None) -> RenderReport:
        """Wait for the charts of a part that `begin` was called for.

        Charts of this part that are not among the jobs any more, or have nothing to show, are removed if this program
        wrote them; no other file is touched.

        Args:
            part: whose charts these are.
            on_progress: called with (done, total) after each chart that had to be drawn.

        Returns:
            What was drawn, left, skipped and removed.

        Raises:
            RenderError: some charts could not be drawn; it names them, and all others are written.
        """
        begun = self._begun.pop(part)
        plan, drawn, small = begun.plan, list[str](), dict[str, bytes]()
        for done, ((job, _), chart) in enumerate(zip(plan.due, begun.drawn, strict=True), start=1):
            name = job.file_name
            try:
                thumbnail = chart.result()
                drawn.append(name)
                if thumbnail:
                    small[name] = thumbnail
                elif name in begun.shown:
                    plan.failed[name] = f"as a thumbnail it needs more than {self._thumbnail_bytes} bytes at any size"
            except (DrawingError, UnsafeFileError) as error:
                plan.failed[name] = str(error)
            except OSError as error:
                raise RenderError(f"{name} cannot be written to {self._out_dir}: {error.strerror}") from error
            if on_progress is not None:
                on_progress(done, len(plan.due))
        try:
            with self._writing:
                removed = begun.manifest.remove_stale(part, [*plan.unchanged, *drawn, *plan.failed])
        except OSError as error:
            raise RenderError(f"old charts cannot be removed from {self._out_dir}: {error.strerror}") from error
        if plan.failed:
            errors = "; ".join(f"{name}: {error}" for name, error in plan.failed.items())
            raise RenderError(f"{len(plan.failed)} of {begun.n_jobs} charts could not be drawn: {errors}")
        return RenderReport(tuple(drawn), tuple(plan.unchanged), tuple(plan.skipped), tuple(removed), small)

    def close(self) -> None:
        """Drop what is not drawn yet; what was drawn is written."""
        self._pool.close()

    def _prepared(self) -> Manifest:
        """The folder, its record, and nothing left over from a run that was killed."""
        if self._manifest is not None:
            return self._manifest
        try:
            shared_folder(self._out_dir)
            clear_drafts(self._out_dir)
        except OSError as error:
            raise RenderError(f"charts cannot be written to {self._out_dir}: {error.strerror}") from error
        manifest = Manifest.read(self._out_dir)
        manifest.claim(is_tutorial=self._is_tutorial)
        self._stood_before = frozenset(manifest.entries)
        self._manifest = manifest
        return manifest

    def _submitted(
        self, manifest: Manifest, part: str, job: RenderJob, inputs: str, shown: Collection[str]
    ) -> Future[bytes]:
        def kept(drawn: Drawn) -> bytes:
            with self._writing:
                manifest.write_chart(job.file_name, part, inputs, drawn.png)
            return drawn.thumbnail

        most_bytes = self._thumbnail_bytes if job.file_name in shown else 0
        return self._pool.submit_chart(job.frame, job.spec, self._scale, self._look, kept, most_bytes=most_bytes)


def render_all(
    jobs: Sequence[RenderJob],
    out_dir: Path,
    scale: float = 2,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    look: Look = _USUAL,
    part: str = "market_caps",
    is_tutorial: bool = False,
    shown: Collection[str] = (),
) -> RenderReport:
    """Bring the charts of one part in a folder up to date and wait for them: `Drawing.begin` and `Drawing.finish`."""
    with closing(Drawing(out_dir, scale, look=look, is_tutorial=is_tutorial)) as drawing:
        drawing.begin(part, jobs, shown)
        return drawing.finish(part, on_progress)
