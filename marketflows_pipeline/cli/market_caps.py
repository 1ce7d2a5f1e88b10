"""The commands about narratives, ranges and portfolios: options, and which report is printed."""

from __future__ import annotations

import click

from marketflows_pipeline.cli.cap_flows import migration, movers

MARKET_CAP_COMMANDS: tuple[click.Command, ...] = (movers, migration)
