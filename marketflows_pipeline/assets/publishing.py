"""Publishing and drawing, the same for every part."""

import base64
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from marketflows_pipeline.assets.page import link_pictures
from marketflows_pipeline.assets.tables import OWNERS, Run, as_markdown, asset_key
from marketflows_pipeline.assets.uploading import upload_along, upload_published
from marketflows_pipeline.charts.rendering.plan import RenderJob, chosen_jobs
from marketflows_pipeline.object_storage.upload import PICTURES
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Part, tables_of
from marketflows_pipeline.system.markdown import plain_markdown
from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.system.stopping import is_stop
from marketflows_pipeline.warehouse.publish import publish

log = logging.getLogger(__name__)

# After the requests of every part.
_WAITED_FOR_LAST = {"dagster/priority": "-3"}

# Counted apart, because which there are depends on what was trained before.
MODEL_PICTURES = "CrossAsset_model_"


@dataclass(frozen=True)
class Pictures:
    """The pictures of a part.

    Attributes:
        part: whose pictures these are.
        jobs: all of them, as the run's tables have them; which are drawn is for ``[plots]`` to say.
        is_shown: whether the Dagster UI shows a small copy of one, when it was drawn anew.
    """

    part: Part
    jobs: Callable[[RunContext], Sequence[RenderJob]]
    is_shown: Callable[[RenderJob], bool]

    @property
    def step(self) -> str:
        """Name of the step that waits for them."""
        return f"pictures__{self.part}"


def output_asset(
    kind: str, part: Part, *, deps: Iterable[str], kinds: set[str]
) -> Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]:
    """An asset of the files that people look at; pictures are waited for once every part is on the page."""
    decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=[kind, part],
        deps=map(asset_key, deps),
        group_name=f"{part}_output",
        kinds=kinds,
        owners=OWNERS,
        op_tags=_WAITED_FOR_LAST if kind == "pictures" else None,
    )
    return decorate


def published_tables(pictures: Pictures) -> dg.AssetsDefinition:
    """The asset that marks a part as passed and swaps in a new published file."""
    part = pictures.part
    of_part = [*(entry.name for entry in tables_of(part)), f"events.{part}"]

    @output_asset("published", part, deps=of_part, kinds={"duckdb"})
    def published(context: dg.AssetExecutionContext, run: Run) -> dg.MaterializeResult[None]:
        """The part's tables in the DuckDB file for ad-hoc SQL, once every blocking check has passed."""
        try_to_begin(context, run, pictures, only_few=True)
        path = run.settings.warehouse.published_path
        report = publish(run.warehouse, part=part, run_id=run.run_id, now=run.clock.now(), published_path=path)
        of_lake = {} if report.snapshot is None else {"snapshot": report.snapshot}
        has_file = run.settings.warehouse.has_file
        where = path if has_file else f"{run.warehouse.store}, snapshot {report.snapshot}"
        log.info("published %s (%.1f MB)", where, report.size_bytes / 1e6)
        for name in _failed_before(run, report.carried_over):
            log.warning(
                "part %s is carried over from an earlier publish: its latest run has not passed its checks", name
            )
        tables = as_markdown(report.tables.select("table_name", "status", "as_of", "n_rows"))
        return dg.MaterializeResult(
            metadata={
                **({"path": dg.MetadataValue.path(path)} if has_file else {}),
                **of_lake,
                "size_mb": report.size_bytes / 1e6,
                "tables": dg.MetadataValue.md(tables),
                **upload_published(run, report),
            }
        )

    return published


def _failed_before(run: RunContext, parts: Sequence[str]) -> list[str]:
    """Those of the parts whose latest run is over and has not passed; one of this run may still come."""
    runs = run.warehouse.read("meta.part_runs", where="passed_at is null and run_id <> ?", params=[run.run_id])
    return sorted(set(parts) & set(runs["part"]))


def begin_to_draw(run: RunContext, pictures: Pictures) -> None:
    """Begin the pictures of a part whose tables stand; other processes draw while the run goes on."""
    chosen = chosen_jobs(pictures.jobs(run), run.settings.plots.set)
    shown = [job.file_name for job in chosen if pictures.is_shown(job)]
    run.drawing.begin(pictures.part, chosen, shown)


def try_to_begin(
    context: dg.AssetExecutionContext, run: RunContext, pictures: Pictures, *, only_few: bool = False
) -> None:
    """Begin the pictures that a later step waits for; a fault is for that step, which begins them again.

    Args:
        context: of the step that has time for it.
        run: the run.
        pictures: of its part.
        only_few: not where all are due, which would keep the page waiting for the processors.
    """
    if not context.job_def.has_node_named(pictures.step) or run.drawing.has_begun(pictures.part):
        return
    try:
        if only_few and (run.options.begins_anew or not run.drawing.has_drawn(pictures.part)):
            return
        begin_to_draw(run, pictures)
    except Exception as error:
        if is_stop(error):
            raise
        log.debug("the pictures of %s were not begun: %s", pictures.part, excerpt(str(error)))


def drawn(run: RunContext, pictures: Pictures) -> dg.MaterializeResult[None]:
    """Wait for the pictures of a part, which are begun here if they have not been before."""
    if not run.drawing.has_begun(pictures.part):
        begin_to_draw(run, pictures)
    with run.reporter.track("Drawing", run.drawing.n_due(pictures.part)) as advance:
        report = run.drawing.finish(pictures.part, lambda _done, _total: advance(1))
    for name, reason in report.skipped:
        log.info("skipped %s: %s", name, reason)
    for family, names in report.outdated.items():
        log.info("removed %d of %s that settings and data no longer call for: %s", len(names), family, ", ".join(names))
    current = [*report.drawn, *report.unchanged]
    of_models = [name for name in current if name.startswith(MODEL_PICTURES)]
    log.info("%d pictures are up to date in %s", len(current) - len(of_models), run.options.picture_folder.resolve())
    if of_models:
        log.info("%d pictures of trained models are up to date", len(of_models))
    log.debug("%d pictures drawn, %d unchanged", len(report.drawn), len(report.unchanged))
    folder, removed = run.options.picture_folder, [name for names in report.outdated.values() for name in names]
    upload_along(run, PICTURES, (folder / name for name in current), gone=removed)
    # Once a run, after its last part: a page takes a second.
    if run.drawing.other_charts_stand():
        link_pictures(run)
    metadata: dict[str, Any] = {
        "folder": dg.MetadataValue.path(run.options.picture_folder.absolute()),
        "drawn": len(report.drawn),
        "unchanged": len(report.unchanged),
        "skipped": len(report.skipped),
    }
    for name, png in report.thumbnails.items():
        image = f"![{plain_markdown(name)}](data:image/png;base64,{base64.b64encode(png).decode()})"
        metadata[name.removesuffix(".png")] = dg.MetadataValue.md(image)
    return dg.MaterializeResult(metadata=metadata)
