"""What `dagster dev` and the code servers load."""

import os

import dagster as dg

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.orchestration.placement import parts_of_host
from marketflows_pipeline.settings import load_config
from marketflows_pipeline.settings.execution import Execution


@dg.definitions
def defs() -> dg.Definitions:
    """Everything, or the parts that this host serves beside others."""
    execution = _execution_on_a_lake()
    return build_definitions(parts=parts_of_host(os.environ), has_lake=execution is not None, execution=execution)


def _execution_on_a_lake() -> Execution | None:
    """``[execution]``, where the settings of now name a lake; what is wrong with them is for the schedules to say."""
    try:
        config = load_config(RunOptions().config)
    except MarketflowsError:
        return None
    return config.execution if config.warehouse.lake is not None else None
