"""What a code server of these tests loads: all that `marketflows_pipeline.definitions` has, but its schedules.

A tick at five past would start a run that the test knows nothing of.
"""

from __future__ import annotations

import dagster as dg
from dagster_shared.record import copy

from marketflows_pipeline.definitions import defs as scheduled


@dg.definitions
def defs() -> dg.Definitions:
    """The parts that MARKETFLOWS_PARTS names."""
    return copy(scheduled(), schedules=[])
