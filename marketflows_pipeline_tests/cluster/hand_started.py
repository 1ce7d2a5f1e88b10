"""What a code server of these tests loads: all that `marketflows_pipeline.definitions` has, but its schedules.

A tick at five past would start a run that the test knows nothing of.
"""

from __future__ import annotations

import dagster as dg
from dagster_shared.record import copy

# Not by its name: Dagster takes one such function of a module.
from marketflows_pipeline import definitions


@dg.definitions
def defs() -> dg.Definitions:
    """The parts that MARKETFLOWS_PARTS names."""
    return copy(definitions.defs(), schedules=[])
