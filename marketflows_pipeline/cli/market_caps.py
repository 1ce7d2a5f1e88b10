"""The commands about narratives, ranges and portfolios: options, and which report is printed."""

from __future__ import annotations

import click

from marketflows_pipeline.cli.breadth import breadth
from marketflows_pipeline.cli.cap_flows import migration, movers
from marketflows_pipeline.cli.narratives import narratives
from marketflows_pipeline.cli.rotation import rotation

MARKET_CAP_COMMANDS: tuple[click.Command, ...] = (narratives, movers, migration, breadth, rotation)
