"""What the command line says about a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

# The tutorial's own files, below the working directory, so that it can never touch live data.
TUTORIAL_PRIVATE = Path(".marketflows/tutorial.duckdb")
TUTORIAL_PUBLISHED = Path("warehouse/marketflows_tutorial.duckdb")


@dataclass(frozen=True)
class RunOptions:
    """Files and mode of a run; the Dagster UI runs with the defaults.

    Attributes:
        config: the TOML file with the settings.
        secrets: the TOML file with the keys; need not exist.
        out_dir: folder for the PNGs, relative to the working directory.
        tutorial: run on the packaged data, offline, with a warehouse of its own.
        history_time_limit: how long histories may be fetched before the run goes on without the rest.
        asks_again: whether what is asked for once a day is asked for now, though the day's answer is in.
    """

    config: Path = Path("config.toml")
    secrets: Path = Path("secrets.toml")
    out_dir: Path = Path("output_plots")
    tutorial: bool = False
    history_time_limit: timedelta | None = None
    asks_again: bool = False
