"""One run's means: settings, clock, warehouse, provider, and the lock that makes it the only run."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from marketflows_pipeline import tutorial
from marketflows_pipeline.charts.rendering.manifest import Manifest
from marketflows_pipeline.clock import Clock, FixedClock, SystemClock
from marketflows_pipeline.errors import UserInputError, WarehouseError
from marketflows_pipeline.options import WEEKLY_TRAININGS, RunOptions, Training
from marketflows_pipeline.progress import LogReporter, Reporter
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.defillama.client import DefiLlama
from marketflows_pipeline.providers.http.wait_budget import WaitBudgets
from marketflows_pipeline.providers.protocols.exchanges import ExchangeVolumeProvider, ReservesProvider
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.settings import Settings, load_settings, warn_of_exposure
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.system.run_lock import LOCK_WAIT_S, RunLock, lock_path
from marketflows_pipeline.warehouse.ledger import WarehouseLedger
from marketflows_pipeline.warehouse.store import Warehouse

if TYPE_CHECKING:
    from marketflows_pipeline.clients import CrossAssetClients

MODEL_TABLES = ("mart.model_evaluation", "mart.model_forecasts", "mart.model_scores")


@dataclass
class RunContext:
    """Everything one run works with.

    Attributes:
        settings: validated settings.
        config: the file they come from, as errors name it.
        clock: where time comes from.
        warehouse: the private file, open for reading and writing.
        provider: the market-cap service.
        volumes: the service that knows what is traded where.
        reserves: the service that knows what exchanges hold; None where the settings have no exchange part.
        open_market: opens the services of the cross-asset part, to be called where the settings have it.
        ledger: where attempts are counted.
        waits: how long each service may still be waited for.
        reporter: who is told how far long work has come.
        run_id: of the Dagster run.
        started_at: the run's moment; every table of the run is as of it.
        out_dir: folder for the PNGs.
        tutorial: whether the packaged data is used.
        history_deadline: when fetching histories stops; None for no limit.
        asks_again: whether what is asked for once a day is asked for now in any case.
        trainings: models to train, where the run trains.
    """

    settings: Settings
    config: Path
    clock: Clock
    warehouse: Warehouse
    provider: MarketCapProvider
    volumes: ExchangeVolumeProvider
    reserves: ReservesProvider | None
    open_market: Callable[[], CrossAssetClients]
    ledger: WarehouseLedger
    waits: WaitBudgets
    reporter: Reporter
    run_id: str
    started_at: datetime
    out_dir: Path
    tutorial: bool = False
    history_deadline: datetime | None = None
    asks_again: bool = False
    trainings: tuple[Training, ...] = WEEKLY_TRAININGS


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
        return tutorial.load_tutorial_settings(Path.cwd())
    return load_settings(options.config, options.secrets, environ, needs_key=needs_key)


@contextlib.contextmanager
def open_run(
    options: RunOptions,
    *,
    run_id: str,
    clock: Clock | None = None,
    reporter: Reporter | None = None,
    environ: Mapping[str, str] = os.environ,
    needs_key: bool = True,
) -> Iterator[RunContext]:
    """Read the settings, take the run lock, open the warehouse; give all of it back at the end.

    Raises:
        UserInputError: if a file given by the user is wrong.
        RunLockedError: if another run holds the lock for longer than a minute.
    """
    settings = read_settings(options, environ, needs_key=needs_key)
    if not options.tutorial:
        warn_of_exposure(settings, options.secrets, environ)
    if options.tutorial:
        clock = FixedClock(tutorial.data_as_of())
    clock = clock or SystemClock()
    _refuse_a_start_to_come(settings, options.config, clock.now())
    lock = RunLock(lock_path(settings.warehouse.path))
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock.acquire(command=shlex.join(sys.argv), wait_s=LOCK_WAIT_S))
        begins_anew = options.tutorial and options.begins_anew
        kept = _forget_all_but_models(settings.warehouse.path) if begins_anew else {}
        warehouse = stack.enter_context(Warehouse(settings.warehouse.path))
        for name, rows in kept.items():
            warehouse.merge(name, rows)
        ledger = WarehouseLedger(warehouse, run_id)
        minutes = settings.run.limit_minutes
        run_limit = timedelta(minutes=minutes) if minutes else None
        waits = WaitBudgets(clock, options.wait_limit, run_limit=run_limit)
        provider, volumes, reserves = _services(stack, options, settings, ledger, waits)
        started_at = clock.now()
        yield RunContext(
            settings=settings,
            config=options.config,
            clock=clock,
            warehouse=warehouse,
            provider=provider,
            volumes=volumes,
            reserves=reserves,
            open_market=lambda: _market(stack, options, settings, ledger, waits),
            ledger=ledger,
            waits=waits,
            reporter=reporter or LogReporter(),
            run_id=run_id,
            started_at=started_at,
            out_dir=options.picture_folder,
            tutorial=options.tutorial,
            history_deadline=started_at + options.history_time_limit if options.history_time_limit else None,
            asks_again=options.asks_again,
            trainings=options.trainings,
        )


def _refuse_a_start_to_come(settings: Settings, config: Path, now: datetime) -> None:
    """A first session that is yet to come would be noticed once every other part has been fetched."""
    if settings.cross_asset is not None and settings.cross_asset.start >= now.date():
        start = str(settings.cross_asset.start)
        raise UserInputError(fault_line(config, "cross_asset.start", start, f"expected a day before {now.date()}"))


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
    tutorial.forget(path)
    return kept


def _market(
    stack: contextlib.ExitStack,
    options: RunOptions,
    settings: Settings,
    ledger: WarehouseLedger,
    waits: WaitBudgets,
) -> CrossAssetClients:
    """The services of the cross-asset part, which other runs need not load."""
    from marketflows_pipeline.clients import live_services, tutorial_services  # noqa: PLC0415

    assert settings.cross_asset is not None, "the part runs only where the settings have it"
    if options.tutorial:
        return tutorial_services()
    return live_services(stack, settings.providers, settings.cross_asset, ledger, waits)


def _services(
    stack: contextlib.ExitStack,
    options: RunOptions,
    settings: Settings,
    ledger: WarehouseLedger,
    waits: WaitBudgets,
) -> tuple[MarketCapProvider, ExchangeVolumeProvider, ReservesProvider | None]:
    """The services of this run, closed with it; the tutorial's answer from packaged files."""
    if options.tutorial:
        return tutorial.TutorialProvider(), tutorial.TutorialExchanges(), tutorial.TutorialReserves()
    source = settings.providers.coingecko
    key = settings.secrets.coingecko_api_key
    coingecko = stack.enter_context(
        CoinGecko(
            # Without a key run only jobs that ask this service nothing.
            plan=source.plan if key else "keyless",
            api_key=key.get_secret_value() if key else None,
            base_url=source.base_url,
            calls_per_minute=source.calls_per_minute,
            monthly_credits=source.monthly_credits,
            clock=waits.clock,
            ledger=ledger,
            waits=waits.of(CoinGecko.name),
        )
    )
    if settings.exchanges is None:
        return coingecko, coingecko, None
    home = settings.providers.defillama.base_url
    defillama = DefiLlama(base_url=home, clock=waits.clock, ledger=ledger, waits=waits.of(DefiLlama.name))
    return coingecko, coingecko, stack.enter_context(defillama)
