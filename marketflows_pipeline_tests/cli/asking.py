"""Asking the commands that answer, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli.cross_asset import CROSS_ASSET_COMMANDS
from marketflows_pipeline.cli.exchanges import EXCHANGE_COMMANDS
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import RunOptions

COMMANDS = {command.name: command for command in (*EXCHANGE_COMMANDS, *CROSS_ASSET_COMMANDS)}

# Each with arguments that it answers to.
ANSWERED = ["exchange-flows", "exchange-netflow binance", "whale-movements", "exchange-tvl", "exchange-dominance"]


def invoke(folder: Path, line: str, *, tutorial: bool = False, config: str = "config.toml") -> Result:
    name, *arguments = line.split()
    options = RunOptions(config=folder / config, tutorial=tutorial)
    return CliRunner().invoke(COMMANDS[name], arguments, obj=options)


def ask(folder: Path, line: str, *, tutorial: bool = False) -> Any:
    result = invoke(folder, line, tutorial=tutorial)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout, parse_constant=pytest.fail)


def fault(folder: Path, line: str) -> MarketflowsError:
    result = invoke(folder, line)
    assert isinstance(result.exception, MarketflowsError), result.output
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    return result.exception
