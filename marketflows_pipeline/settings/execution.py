"""``[execution]``: what hosts that run the pipeline share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from marketflows_pipeline.settings.fields import TomlTable, Whole
from marketflows_pipeline.settings.postgres import PostgresAddress

Coordination = Literal["process", "postgres"]
ShardsOn = Literal["process", "celery"]


class Execution(TomlTable):
    """``[execution]``: who counts requests and credits, and where runs wait for each other."""

    coordination: Coordination = Field("process", description="Budgets of this process alone, or of all hosts")
    database: PostgresAddress | None = Field(
        None, description="Database that the hosts share; by default the lake's catalog, where that is Postgres"
    )
    allow_plain: bool = Field(
        False, strict=True, description="Whether a Postgres on another machine may be asked without TLS"
    )
    shards: Whole = Field(4, ge=1, le=64, description="Steps of the job backfill_histories, which a lake has")
    shards_on: ShardsOn = Field("process", description="Where these steps run: one after another, or Celery's workers")
