"""The commands of the cross-asset part: options, exit codes, and which answer is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_options import (
    TUTORIAL_CONFIG,
    format_option,
    how_to_fetch,
    print_answer,
    refresh_option,
)
from marketflows_pipeline.cli.text import argument_text
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.options import TUTORIAL_PUBLISHED, RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.published_data import ReportContext
    from marketflows_pipeline.cli.reports.report import AnswerFormat
    from marketflows_pipeline.settings import Asset

DEFAULT_DAYS = 21
_MAX_DAYS = 36_500
_TRAIN = "train a model"

_days = click.option(
    "--days",
    type=click.IntRange(1, _MAX_DAYS),
    default=DEFAULT_DAYS,
    show_default=True,
    help="How many sessions, back from the newest.",
)
_issuance = click.option("--include-issuance", is_flag=True, help="Count issuance of coins as a flow.")


@click.group("cross-asset", short_help="Money flows between funds, metals and crypto.")
def cross_asset() -> None:
    """Flows of funds, metals and crypto side by side, and whether the market wants risk."""


@cross_asset.command("flows", short_help="What flowed into and out of each asset.")
@_days
@_issuance
@format_option
@refresh_option
@click.pass_obj
def flows(
    options: RunOptions, days: int, output_format: AnswerFormat, *, include_issuance: bool, refresh: bool
) -> None:
    """Net flow of each asset over the last sessions, ranked; issuance of coins is shown beside."""
    from marketflows_pipeline.cli.reports.cross_asset.flows import cross_asset_flows as answer  # noqa: PLC0415

    asked = _ask(options, "cross-asset flows --refresh", before=_fetch if refresh else None)
    print_answer(
        asked.setting,
        lambda source: answer(source, asked.universe, days, include_issuance=include_issuance),
        output_format,
    )


@cross_asset.command("who-gained", short_help="Which assets gained while one lost.")
@click.argument("symbol", callback=argument_text)
@_days
@_issuance
@format_option
@refresh_option
@click.pass_obj
def who_gained(
    options: RunOptions,
    symbol: str,
    days: int,
    output_format: AnswerFormat,
    *,
    include_issuance: bool,
    refresh: bool,
) -> None:
    """Which assets took in money while SYMBOL lost it, or lost it while SYMBOL took it in.

    An attribution in proportion to size, not observed transfers.
    """
    from marketflows_pipeline.cli.reports.cross_asset.who_gained import who_gained as answer  # noqa: PLC0415

    asked = _ask(options, f"cross-asset who-gained {symbol} --refresh", before=_fetch if refresh else None)
    print_answer(
        asked.setting,
        lambda source: answer(source, asked.universe, symbol, days, include_issuance=include_issuance),
        output_format,
    )


@cross_asset.command("regimes", short_help="Risk-on, risk-off or mixed, and since when.")
@_days
@format_option
@refresh_option
@click.pass_obj
def regimes(options: RunOptions, days: int, output_format: AnswerFormat, *, refresh: bool) -> None:
    """Whether the market wants risk: by VIX, its term structure and ratios of assets."""
    from marketflows_pipeline.cli.reports.cross_asset.regimes import market_regimes as answer  # noqa: PLC0415

    asked = _ask(options, "cross-asset regimes --refresh", before=_fetch if refresh else None)
    print_answer(asked.setting, lambda source: answer(source, days), output_format)


@click.command("train", short_help="Train a model on flows and judge it out of sample.")
@click.option(
    "--horizon", type=click.Choice(["5", "20"]), default="5", show_default=True, help="How many sessions ahead."
)
@click.option(
    "--target",
    type=click.Choice(["direction", "rank"]),
    default="direction",
    show_default=True,
    help="Whether the close is higher, or whether the asset is in the better half of the universe.",
)
@click.option(
    "--model",
    type=click.Choice(["logistic", "gradient_boosting"]),
    default="logistic",
    show_default=True,
    help="Kind of model.",
)
@format_option
@click.pass_obj
def train(options: RunOptions, horizon: str, target: str, model: str, output_format: AnswerFormat) -> None:
    """Train a model, walked forward by date, and say what it was worth beside baselines and without flows."""
    from marketflows_pipeline.cli.reports.cross_asset.model_evaluation import model_evaluation as answer  # noqa: PLC0415

    def run(options: RunOptions) -> int:
        from marketflows_pipeline.cli.run import train_model  # noqa: PLC0415 (Dagster takes over a second)

        return train_model(options, horizon=int(horizon), target=target, model=model)

    asked = _ask(options, "train", before=run, verb=_TRAIN)
    print_answer(
        asked.setting,
        lambda source: answer(source, horizon=int(horizon), target=target, model=model),
        output_format,
    )


@click.command("score", short_help="Probabilities of the latest session, and what they are worth.")
@format_option
@refresh_option
@click.pass_obj
def score(options: RunOptions, output_format: AnswerFormat, *, refresh: bool) -> None:
    """Probabilities for the latest session by the newest models, each with a plain verdict."""
    from marketflows_pipeline.cli.reports.cross_asset.model_scores import model_scores as answer  # noqa: PLC0415

    asked = _ask(options, "train", before=_score if refresh else None, verb=_TRAIN)
    print_answer(
        asked.setting,
        lambda source: answer(
            source,
            how_to_train=options.command_line("train"),
            how_to_score=options.command_line("score --refresh"),
        ),
        output_format,
    )


CROSS_ASSET_COMMANDS: tuple[click.Command, ...] = (cross_asset, train, score)


@dataclass(frozen=True)
class _Asked:
    setting: ReportContext
    universe: tuple[Asset, ...]


def _ask(
    options: RunOptions, command: str, *, before: Callable[[RunOptions], int] | None, verb: str = "fetch it"
) -> _Asked:
    """Run what the user asked to be run first; then the settings that the answer follows.

    Args:
        options: files and mode.
        command: what brings the data where there is none.
        before: the run, which gives its exit code; None to answer from what is published.
        verb: what the command does.
    """
    if before is not None and (exit_code := before(options)):
        raise click.exceptions.Exit(exit_code)
    from marketflows_pipeline.cli.reports.cross_asset.provenance import SYNTHETIC  # noqa: PLC0415 (--help need not wait for DuckDB)
    from marketflows_pipeline.cli.reports.published_data import ReportContext  # noqa: PLC0415
    from marketflows_pipeline.settings import load_config  # noqa: PLC0415

    config = load_config(TUTORIAL_CONFIG if options.tutorial else options.config)
    line, is_on = options.command_line(command), options.tutorial or config.cross_asset is not None
    setting = ReportContext(
        path=Path.cwd() / TUTORIAL_PUBLISHED if options.tutorial else config.warehouse.published_path,
        now=SystemClock().now(),
        top_n=0,
        is_tutorial=options.tutorial,
        how_to_fetch=how_to_fetch(options, line, table="cross_asset", is_on=is_on, verb=verb),
        subject="cross-asset",
        synthetic_note=SYNTHETIC,
    )
    return _Asked(setting, () if config.cross_asset is None else config.cross_asset.universe)


def _fetch(options: RunOptions) -> int:
    from marketflows_pipeline.cli.run import refresh_cross_asset  # noqa: PLC0415 (Dagster takes over a second)

    return refresh_cross_asset(options)


def _score(options: RunOptions) -> int:
    from marketflows_pipeline.cli.run import score_assets  # noqa: PLC0415 (Dagster takes over a second)

    return score_assets(options)
