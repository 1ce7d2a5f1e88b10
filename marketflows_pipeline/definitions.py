"""What `dagster dev` and the code server load."""

from marketflows_pipeline.build import build_definitions

defs = build_definitions()
