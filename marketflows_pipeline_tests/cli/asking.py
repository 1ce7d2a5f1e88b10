"""Asking the commands that answer, in this process or in one of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli.cross_asset import CROSS_ASSET_COMMANDS
from marketflows_pipeline.cli.exchanges import EXCHANGE_COMMANDS
from marketflows_pipeline.cli.market_caps import MARKET_CAP_COMMANDS
from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.options import RunOptions

COMMANDS = {command.name: command for command in (*MARKET_CAP_COMMANDS, *EXCHANGE_COMMANDS, *CROSS_ASSET_COMMANDS)}

ROOT = Path(__file__).parents[2]

# Each with arguments that it answers to.
ANSWERED = ["exchange-flows", "exchange-netflow binance", "whale-movements", "exchange-tvl", "exchange-dominance"]

# The command, telling at its end which of the heavy libraries it imported.
PROGRAM = (
    "import atexit, sys; from marketflows_pipeline.cli import main;"
    "heavy = {'dagster', 'polars', 'altair', 'numpy', 'pyarrow', 'pandas', 'sklearn', 'scipy'};"
    "atexit.register(lambda: print(*sorted(heavy & {name for name, module in sys.modules.items() if module}),"
    " file=sys.stderr));"
    "main()"
)


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


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
