"""A whole pipeline in a folder of its own, against a service on a real socket, on a clock that tests move."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.market_caps_measures import market_cap_measures
from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.jobs import assets_wanted, hourly_refresh, market_cap_refresh
from marketflows_pipeline.options import WAIT_OF_A_RUN, ProviderName, RunOptions
from marketflows_pipeline.orchestration.failures import RunFailure, failure_of
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.run_context import read_settings
from marketflows_pipeline.schema import PARTS
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY, Access
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.defillama.protocols import make_cast
from marketflows_pipeline_tests.fakes.defillama.service import FakeDefiLlama
from marketflows_pipeline_tests.fakes.generate import generate
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.forgetful import forgetful_instance

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
PICTURES = [dg.AssetKey([kind, part]) for kind in ("pictures", "report") for part in PARTS]
FETCHED = ("raw", "meta", "published", "pictures", "report")
HISTORY = "/coins/{id}/market_chart"
START = datetime(2026, 10, 10, 12, 5, tzinfo=UTC)

SMALL: dict[str, Any] = {
    "providers.coingecko": {
        "days": 7,
        "calls_per_minute": 1000,
        "narratives": ["layer-1"],
        "base_assets": ["bitcoin"],
        "range_lower_limits": [1e8, 1e11],
        "exclude_categories": [],
    },
    "providers.coingecko.asset_groups": {"Pair": ["bitcoin", "ethereum"]},
    "analysis": {"ema_periods": [1], "diff_orders": [0], "is_unit_normalize": False},
    "plots": {"hours_ago": [4, 24], "scale": 1},
}


@dataclass
class Environment:
    """Settings, warehouse and pictures under `folder`; the services and the clock are shared with the test.

    Attributes:
        reserves: the second service, for the exchange part; None where the settings have none.
        addresses: of further services, by their name in the settings.
        provider: of market caps, as the command line names it; without settings there is no config file then.
        computes: what runs compute of the tables they fetch: ``nothing``, ``tables``, or ``measures`` too. Measures on
            daily closes and their checks are a third of a run, the other tables another, and most tests are about what
            is fetched. What was computed before is published as it was.
        result: of the latest run.
    """

    folder: Path
    service: FakeCoinGecko
    clock: FixedClock
    settings: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(SMALL)))
    reserves: FakeDefiLlama | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    provider: ProviderName | None = None
    computes: Literal["nothing", "tables", "measures"] = "tables"
    result: dg.ExecuteInProcessResult | None = None

    def continue_from(self, other: Environment) -> None:
        """Copy the files and the hour of an environment beside the same services."""
        shutil.copytree(other.folder, self.folder, symlinks=True, dirs_exist_ok=True)
        self.clock.set(other.clock.now())

    def configure(self, table: str = "providers.coingecko", **keys: Any) -> None:
        """Change keys of one table of config.toml."""
        self.settings.setdefault(table, {}).update(keys)

    def run(
        self,
        *,
        hours_later: float = 0,
        history_time_limit: timedelta | None = None,
        with_pictures: bool = False,
        job_name: str | None = None,
        asks_again: bool = False,
        as_scheduled: bool = False,
        wait_limit: timedelta = WAIT_OF_A_RUN,
    ) -> bool:
        """One run, some time after the one before; whether it succeeded.

        By default that of the hour; without the exchange part the job that leaves it out, as skipping each of its steps
        costs a quarter of the run. ``as_scheduled`` is the hour's, of which the parts of the settings are picked.
        Pictures, and the page with them, take longer than all the rest.
        """
        is_whole = as_scheduled or "exchanges" in self.settings
        job_name = job_name or (hourly_refresh if is_whole else market_cap_refresh).name
        self.clock.set(self.clock.now() + timedelta(hours=hours_later))
        options = RunOptions(
            config=self._written_settings(),
            secrets=self.folder / "secrets.toml",
            out_dir=self.folder / "pictures",
            provider=self.provider,
            history_time_limit=history_time_limit,
            asks_again=asks_again,
            wait_limit=wait_limit,
        )
        definitions = build_definitions(options, clock=self.clock, reporter=LogReporter())
        job = definitions.resolve_job_def(job_name)
        picked = assets_wanted(job, read_settings(options, {})) if as_scheduled else None
        keys = job.asset_layer.executable_asset_keys if picked is None else picked
        selected = [key for key in keys if with_pictures or key not in PICTURES]
        if self.computes != "measures":
            selected = [key for key in selected if key not in market_cap_measures.keys]
        if self.computes == "nothing":
            selected = [key for key in selected if key.path[0] in FETCHED]
        with forgetful_instance() as instance:
            self.result = job.execute_in_process(
                instance=instance, raise_on_error=False, run_config=QUIET, asset_selection=selected
            )
        return self.result.success

    def calls(self) -> Counter[str]:
        """Requests since the last time this was asked, by endpoint."""
        return _counted(self.service)

    def reserves_calls(self) -> Counter[str]:
        """The same of the second service."""
        assert self.reserves is not None
        return _counted(self.reserves)

    @property
    def failure(self) -> RunFailure:
        """Why the latest run failed."""
        assert self.result is not None
        return failure_of(self.result.all_events)

    @property
    def published(self) -> Path:
        """The file for ad-hoc SQL."""
        return self.folder / "warehouse" / "marketflows.duckdb"

    @property
    def private(self) -> Path:
        """The file that runs work in."""
        return self.folder / ".marketflows" / "warehouse.duckdb"

    def stored(self, sql: str) -> pl.DataFrame:
        """An answer from the private file."""
        with Warehouse(self.private, create=False) as warehouse:
            return warehouse.query(sql)

    def metadata(self, asset: str, name: str) -> Any:
        """A metadata value of an asset's materialization in the latest run."""
        assert self.result is not None
        for event in self.result.get_asset_materialization_events():
            if event.asset_key == dg.AssetKey(asset.split(".")):
                return event.materialization.metadata[name].value
        raise AssertionError(f"{asset} was not materialized")

    def _written_settings(self) -> Path:
        path = self.folder / "config.toml"
        if not self.settings:
            return path
        own = {"base_url": self.service.url}
        tables = self.settings | {"providers.coingecko": self.settings["providers.coingecko"] | own}
        if self.reserves is not None:
            tables["providers.defillama"] = {"base_url": self.reserves.url}
        for name, url in self.addresses.items():
            tables[f"providers.{name}"] = tables.get(f"providers.{name}", {}) | {"base_url": url}
        lines = []
        for table, keys in tables.items():
            lines += [f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in keys.items())]
        path.write_text("\n".join(lines))
        (self.folder / "secrets.toml").write_text(f'[coingecko]\napi_key = "{DEMO_KEY}"\n')
        (self.folder / "secrets.toml").chmod(0o600)
        return path


def _counted(service: FakeServer) -> Counter[str]:
    counted = Counter(str(exchange.request.endpoint) for exchange in service.exchanges)
    service.exchanges.clear()
    return counted


def _toml(value: object) -> str:
    return str(value) if isinstance(value, float) else json.dumps(value)


@contextmanager
def open_environment(folder: Path) -> Iterator[Environment]:
    """A new environment beside a service with 40 well-behaved coins."""
    clock = FixedClock(START)
    market = generate(40, start=START, has_churn=False, has_flaws=False)
    with FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as service:
        yield Environment(folder, service, clock)


@contextmanager
def open_environment_with_exchanges(folder: Path, tracked: Sequence[str]) -> Iterator[Environment]:
    """A new environment that follows these exchanges, beside well-behaved services of 40 coins and of reserves."""
    clock = FixedClock(START)
    market = generate(40, start=START, has_churn=False, has_flaws=False)
    with (
        FakeCoinGecko(market, clock=clock, access=Access(calls_per_minute=None)) as service,
        FakeDefiLlama(make_cast(7, START, days=60, fillers=20), clock=clock) as reserves,
    ):
        env = Environment(folder, service, clock, reserves=reserves)
        env.configure("exchanges", tracked=list(tracked))
        yield env
