"""The context of one run: settings, clock, warehouse, reporter, under the lock that makes it the only run."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.charts.rendering.render import Drawing
from marketflows_pipeline.clock import Clock, FixedClock, SystemClock
from marketflows_pipeline.coordination.run_locks import lock_of
from marketflows_pipeline.errors import UserInputError, WarehouseError
from marketflows_pipeline.ingest.provider_claim import claim_warehouse
from marketflows_pipeline.object_storage.objects import require_package
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter, Reporter
from marketflows_pipeline.schema import PARTS
from marketflows_pipeline.settings import Settings, load_settings, warn_of_exposure
from marketflows_pipeline.system.run_lock import LOCK_WAIT_S
from marketflows_pipeline.tutorial.files import data_as_of, forget, load_tutorial_settings
from marketflows_pipeline.tutorial.stored import seed_warehouse
from marketflows_pipeline.warehouse.guarded import GuardedWarehouse
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.chosen import store_of

log = logging.getLogger(__name__)

MODEL_TABLES = ("mart.model_evaluation", "mart.model_forecasts", "mart.model_scores")


@dataclass(frozen=True)
class RunContext:
    """What one run works with. Assets and checks unpack it; what they call takes the parts that it uses.

    Attributes:
        run_id: of the Dagster run.
        options: files and mode of the run.
        settings: validated settings.
        clock: tells the time.
        started_at: the run's moment; every table of the run is as of it.
        warehouse: the private file, open for reading and writing.
        reporter: shows the progress of long work.
        drawing: draws the pictures of all parts while the run goes on.
    """

    run_id: str
    options: RunOptions
    settings: Settings
    clock: Clock
    started_at: datetime
    warehouse: Warehouse
    reporter: Reporter
    drawing: Drawing

    @property
    def history_deadline(self) -> datetime | None:
        """When fetching histories stops; None for no limit."""
        limit = self.options.history_time_limit
        return self.started_at + limit if limit else None

    @property
    def volume_service(self) -> str:
        """How sources name the service of exchange volumes: the tutorial's figures are made up."""
        return "tutorial" if self.options.tutorial else "coingecko"


def read_settings(options: RunOptions, environ: Mapping[str, str], *, needs_key: bool = True) -> Settings:
    """The settings that these options mean.

    Args:
        options: files and mode of the run.
        environ: environment variables.
        needs_key: whether a missing key is a fault.

    Raises:
        UserInputError: if a file is missing or wrong; all its faults at once. Or if the tutorial would draw among live
            pictures.
    """
    if options.tutorial:
        Manifest.read(options.picture_folder).claim(is_tutorial=True)
        return load_tutorial_settings(Path.cwd())
    return load_settings(options.config, options.secrets, environ, needs_key=needs_key, provider=options.provider)


@contextlib.contextmanager
def open_run(
    options: RunOptions,
    *,
    run_id: str,
    settings: Settings | None = None,
    clock: Clock | None = None,
    reporter: Reporter | None = None,
    environ: Mapping[str, str] = os.environ,
    needs_key: bool = True,
    parts: Sequence[str] = PARTS,
    lock_wait_s: float | None = None,
) -> Iterator[RunContext]:
    """Take the run lock and open the warehouse; release both at the end.

    Args:
        options: files and mode of the run.
        run_id: of the Dagster run.
        settings: those of the options, where they have been read; read here by default.
        clock: tells the time; the system's by default, in the tutorial a fixed one.
        reporter: shows the progress; log lines by default.
        environ: environment variables.
        needs_key: whether a missing key is a fault.
        parts: what the run works on, where parts are locked one by one.
        lock_wait_s: how long another run is waited for; a minute by default.

    Raises:
        UserInputError: if a file given by the user is wrong, the warehouse is another market-cap provider's, or what
            uploads need is not installed.
        RunLockedError: if another run holds the lock for longer than that.
        WarehouseError: if the private file cannot be opened, or is a new one beside what was published from another.
        CoordinationError: if the database that hosts share does not answer for a minute.
    """
    settings = settings or read_settings(options, environ, needs_key=needs_key)
    if not options.tutorial:
        warn_of_exposure(settings, options.secrets, environ)
        if settings.no_exchanges:
            log.info(settings.no_exchanges)
    if options.tutorial:
        clock = FixedClock(data_as_of())
    clock = clock or SystemClock()
    if settings.publish.upload is not None:
        require_package(f"[publish] upload = {settings.publish.upload!r}")
    _refuse_future_start(settings, clock.now())
    _reach_shared_database(settings)
    lock = lock_of(settings, parts)
    with lock.acquire(command=shlex.join(sys.argv), wait_s=LOCK_WAIT_S if lock_wait_s is None else lock_wait_s):
        begins_anew = options.tutorial and options.begins_anew
        kept = _forget_all_but_models(settings.warehouse.path) if begins_anew else {}
        drawing = Drawing(
            options.picture_folder, settings.plots.scale, look=settings.plots.look, is_tutorial=options.tutorial
        )
        opened = (
            GuardedWarehouse(store_of(settings), lock.check) if settings.locks_parts else Warehouse(store_of(settings))
        )
        with opened as warehouse, contextlib.closing(drawing):
            for name, rows in kept.items():
                warehouse.merge(name, rows)
            if options.tutorial:
                seed_warehouse(warehouse)
            claim_warehouse(warehouse, settings, clock.now())
            _refuse_lost_history(warehouse, settings)
            yield RunContext(
                run_id=run_id,
                options=options,
                settings=settings,
                clock=clock,
                started_at=clock.now(),
                warehouse=warehouse,
                reporter=reporter or LogReporter(),
                drawing=drawing,
            )


def _reach_shared_database(settings: Settings) -> None:
    """Without it no request can be made, which a run would notice only step by step."""
    if settings.shared_database is None:
        return
    from marketflows_pipeline.coordination.database import open_database  # noqa: PLC0415 (for several hosts)

    with open_database(settings) as database:
        database.prepare()


def _refuse_future_start(settings: Settings, now: datetime) -> None:
    """A start in the future would be noticed only once every other part has been fetched."""
    if settings.cross_asset is not None and settings.cross_asset.start >= now.date():
        start = str(settings.cross_asset.start)
        raise UserInputError(settings.fault_line("cross_asset.start", start, f"expected a day before {now.date()}"))


def _refuse_lost_history(warehouse: Warehouse, settings: Settings) -> None:
    """A run that began anew beside a published file would remove that, and all history with it, two publishes later."""
    private, published = settings.warehouse.path, settings.warehouse.published_path
    if settings.warehouse.lake is not None or not (published.is_symlink() and published.exists()):
        return
    if any(n_rows for name, n_rows in warehouse.row_counts().items() if name.startswith("raw.")):
        return
    raise WarehouseError(
        f"{private} holds no history, but {published} was published from one that does: put that file back, or in its "
        f"place a copy of what was published ({shlex.join(['cp', str(published), str(private)])}). To begin anew, "
        f"remove {published}"
    )


def _forget_all_but_models(path: Path) -> dict[str, pl.DataFrame]:
    """Remove the tutorial's private file, so that what follows can be compared with the golden result.

    Returns:
        What the file said about trained models, by table; their own files lie beside it and stay.
    """
    kept: dict[str, pl.DataFrame] = {}
    if path.exists():
        # A file that is damaged, or of another version, has nothing to keep.
        with contextlib.suppress(WarehouseError), Warehouse(path) as earlier:
            kept = {name: earlier.read(name) for name in MODEL_TABLES}
    forget(path)
    return kept
