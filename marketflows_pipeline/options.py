"""What the command line says about a run, and the environment about its host."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args

PICTURES = Path("output_plots")
# The tutorial's own files, below the working directory, so that it can never touch live data.
TUTORIAL_PICTURES = Path("output_plots_tutorial")
TUTORIAL_REPORT = Path("report_tutorial")
DAGSTER_RECORD = Path(".dagster")
TUTORIAL_RECORD = DAGSTER_RECORD / "tutorial"
TUTORIAL_PRIVATE = Path(".marketflows/tutorial.duckdb")
TUTORIAL_PUBLISHED = Path("warehouse/marketflows_tutorial.duckdb")

# How long a service may be waited for while it fails, from one success to the next (providers/http/wait_budget.py).
WAIT_OF_A_RUN = timedelta(seconds=300)
WAIT_OF_A_COMMAND = timedelta(seconds=60)

# Where market caps can come from; the table of each is ``[providers.<name>]``.
ServiceName = Literal["coingecko", "coinpaprika"]
ProviderName = Literal[ServiceName, "folder"]
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)
# Where nothing says otherwise, as in files of the time before there was a choice.
DEFAULT_PROVIDER: ProviderName = "coingecko"

# Which parts a host serves where it is one of several; see `orchestration.placement`.
PARTS_VARIABLE = "MARKETFLOWS_PARTS"

Horizon = Literal[5, 20]
Target = Literal["direction", "rank"]
ModelKind = Literal["logistic", "gradient_boosting"]


@dataclass(frozen=True)
class Training:
    """One model to train.

    Attributes:
        horizon: sessions ahead.
        target: ``direction`` or ``rank``.
        model: ``logistic`` or ``gradient_boosting``.
    """

    horizon: Horizon
    target: Target = "direction"
    model: ModelKind = "logistic"


WEEKLY_TRAININGS = (Training(5), Training(20))


@dataclass(frozen=True)
class RunOptions:
    """Files and mode of a run; the Dagster UI runs with the defaults.

    Attributes:
        config: the TOML file with the settings.
        secrets: the TOML file with the keys; need not exist.
        out_dir: folder for the PNGs, relative to the working directory; None for the usual one of the mode.
        provider: of market caps, in place of the one that the config file names; None for that one.
        tutorial: run on the packaged data, offline, with a warehouse of its own.
        history_time_limit: how long histories may be fetched before the run goes on without the rest.
        wait_limit: how long each service may be waited for while it fails; shorter where a person waits.
        asks_again: whether what is asked for once a day is asked for now, though the day's answer is in.
        trainings: models that a run which trains is to train.
        begins_anew: whether a tutorial run forgets what an earlier one stored, trained models apart.
    """

    config: Path = Path("config.toml")
    secrets: Path = Path("secrets.toml")
    out_dir: Path | None = None
    provider: ProviderName | None = None
    tutorial: bool = False
    history_time_limit: timedelta | None = None
    wait_limit: timedelta = WAIT_OF_A_RUN
    asks_again: bool = False
    trainings: tuple[Training, ...] = WEEKLY_TRAININGS
    begins_anew: bool = False

    def command_line(self, command: str = "") -> str:
        """A command as the user would type it to go on with these options.

        Args:
            command: the subcommand with its arguments; none for a run.
        """
        usual, words = RunOptions(), ["marketflows"]
        if self.tutorial:
            words += ["--tutorial"]
        else:
            words += ["--config", str(self.config)] if self.config != usual.config else []
            words += ["--secrets", str(self.secrets)] if self.secrets != usual.secrets else []
        words += ["--provider", self.provider] if self.provider and not self.tutorial else []
        words += ["--out-dir", str(self.out_dir)] if self.out_dir else []
        return f"{shlex.join(words)} {command}".rstrip()

    @property
    def picture_folder(self) -> Path:
        """Folder for the PNGs, relative to the working directory; the tutorial's is its own."""
        return self.out_dir or (TUTORIAL_PICTURES if self.tutorial else PICTURES)


def parts_named(environ: Mapping[str, str]) -> list[str]:
    """What ``MARKETFLOWS_PARTS`` names, unchecked; nothing where this is the only host."""
    return [name.strip() for name in environ.get(PARTS_VARIABLE, "").split(",") if name.strip()]
