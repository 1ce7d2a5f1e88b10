"""What `dagster dev` and the code servers load."""

import os

import dagster as dg

from marketflows_pipeline.build import build_definitions
from marketflows_pipeline.orchestration.placement import parts_of_host


@dg.definitions
def defs() -> dg.Definitions:
    """Everything, or the parts that this host serves beside others."""
    return build_definitions(parts=parts_of_host(os.environ))
