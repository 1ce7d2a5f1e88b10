"""What a code server of these tests loads: as `marketflows_pipeline.definitions`, without schedules, and fetching only.

A tick at five past would start a run that the test knows nothing of. What is computed and drawn costs nine tenths of a
run, and these tests are about who fetches what, where.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster_shared.record import copy

# Not by its name: Dagster takes one such function of a module.
from marketflows_pipeline import definitions

FETCHED = dg.AssetSelection.key_prefixes("raw", "published")


@dg.definitions
def defs() -> dg.Definitions:
    """The parts that MARKETFLOWS_PARTS names."""
    found = definitions.defs()
    jobs = [
        dg.define_asset_job(job.name, selection=job.selection & FETCHED, hooks=job.hooks, tags=job.tags)
        for job in found.jobs or ()
        if isinstance(job, UnresolvedAssetJobDefinition)
    ]
    return copy(found, schedules=[], jobs=jobs)
