"""A small warehouse that publishes and uploads as a run does, without the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from marketflows_pipeline.assets.uploading import upload_published
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.settings.object_storage import ObjectKeys, ObjectPlace
from marketflows_pipeline.warehouse.publish import PublishReport, begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.services.seaweedfs import ADMIN, SeaweedFS
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, fill

N_CAPS = 2_000


@dataclass
class Publisher:
    """A warehouse whose market caps are published again and again, an hour later each time."""

    folder: Path
    warehouse: Warehouse
    run: Any
    n_published: int = 0

    def publish(self) -> PublishReport:
        """One publish, without an upload."""
        self.n_published += 1
        run_id = f"run{self.n_published}"
        self.run.clock.set(NOW + self.n_published * HOUR)
        self.run.run_id = run_id
        begin_part(self.warehouse, "market_caps", run_id, self.run.clock.now())
        fill(self.warehouse, "market_caps", float(self.n_published))
        self.warehouse.merge("raw.market_caps", caps(*((f"coin-{n}", NOW, 1.0) for n in range(N_CAPS))))
        return publish(
            self.warehouse,
            part="market_caps",
            run_id=run_id,
            now=self.run.clock.now(),
            published_path=self.run.settings.warehouse.published_path,
        )

    def publish_and_upload(self) -> dict[str, Any]:
        """One publish and its upload; what the asset says of it."""
        return upload_published(cast("RunContext", self.run), self.publish())


@contextmanager
def publisher(
    folder: Path, server: SeaweedFS, place: ObjectPlace, *, keys: ObjectKeys | None = ADMIN, raw: bool = False
) -> Iterator[Publisher]:
    """A publisher that uploads to a place."""
    config = folder / "config.toml"
    config.write_text(
        f'[publish]\nupload = "{place}"\nraw = {str(raw).lower()}\n'
        f'[object_storage]\nendpoint = "{server.endpoint}"\n[providers.coingecko]\nplan = "keyless"\n'
    )
    settings = load_settings(config, None, server.environ(keys))
    run = SimpleNamespace(settings=settings, clock=FixedClock(NOW), run_id="")
    with Warehouse(settings.warehouse.path) as warehouse:
        yield Publisher(folder, warehouse, run)
