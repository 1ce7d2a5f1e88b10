"""What `dagster dev` and the code servers load."""

import os

import dagster as dg

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.orchestration.placement import parts_of_host
from marketflows_pipeline.settings import load_config


@dg.definitions
def defs() -> dg.Definitions:
    """Everything, or the parts that this host serves beside others."""
    return build_definitions(parts=parts_of_host(os.environ), has_lake=_has_lake())


def _has_lake() -> bool:
    """Whether the settings of now name a lake; what is wrong with them is for the schedules to say."""
    try:
        return load_config(RunOptions().config).warehouse.lake is not None
    except MarketflowsError:
        return False
