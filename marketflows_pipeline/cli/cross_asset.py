"""The commands of the cross-asset part: options, and which report is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from marketflows_pipeline.cli.report_command import (
    choice_option,
    days_option,
    format_option,
    print_report,
    prints_report,
    run_of,
)
from marketflows_pipeline.cli.report_context import CROSS_ASSET, FRESH_MONEY
from marketflows_pipeline.cli.text import name_text
from marketflows_pipeline.options import Horizon, ModelKind, RunOptions, Target, Training

if TYPE_CHECKING:
    from marketflows_pipeline.cli.report_command import Build
    from marketflows_pipeline.cli.reports.report import ReportFormat

_TRAIN = "train a model"
_FETCH = run_of("cross_asset", "cross_asset_refresh", asks_again=True)
_FETCH_ALL = run_of("market_caps", "full_refresh", asks_again=True)

_days = days_option(21)
_issuance = click.option("--include-issuance", is_flag=True, help="Count issuance of coins as a flow.")


@click.group("cross-asset", short_help="Money flows between funds, metals and crypto.")
def cross_asset() -> None:
    """Flows of funds, metals and crypto side by side, and whether the market wants risk."""


@cross_asset.command("flows", short_help="What flowed into and out of each asset.")
@_days
@_issuance
@prints_report(CROSS_ASSET, "cross-asset flows --refresh", refresh_by=_FETCH)
def flows(*, days: int, include_issuance: bool) -> Build:
    """Net flow of each asset over the last sessions, ranked; issuance of coins is shown beside."""
    from marketflows_pipeline.cli.reports.cross_asset.flows import cross_asset_flows

    return lambda data: cross_asset_flows(data, days, include_issuance=include_issuance)


@cross_asset.command("who-gained", short_help="Which assets gained while one lost.")
@click.argument("symbol", callback=name_text)
@_days
@_issuance
@prints_report(CROSS_ASSET, "cross-asset who-gained {symbol} --refresh", refresh_by=_FETCH)
def who_gained(*, symbol: str, days: int, include_issuance: bool) -> Build:
    """Which assets took in money while SYMBOL lost it, or lost it while SYMBOL took it in.

    An attribution in proportion to size, not observed transfers.
    """
    from marketflows_pipeline.cli.reports.cross_asset import who_gained as report

    return lambda data: report.who_gained(data, symbol, days, include_issuance=include_issuance)


@cross_asset.command("regimes", short_help="Risk-on, risk-off or mixed, and since when.")
@_days
@prints_report(CROSS_ASSET, "cross-asset regimes --refresh", refresh_by=_FETCH)
def regimes(*, days: int) -> Build:
    """Whether the market wants risk: by VIX, its term structure and ratios of assets."""
    from marketflows_pipeline.cli.reports.cross_asset.regimes import market_regimes

    return lambda data: market_regimes(data, days)


@cross_asset.command("brief", short_help="Flows by class and asset, how unusual, streaks and shocks.")
@prints_report(CROSS_ASSET, "cross-asset brief --refresh", refresh_by=_FETCH)
def brief() -> Build:
    """Flows of 1, 5 and 21 trade sessions by group, class and asset, each against all past windows of that length."""
    from marketflows_pipeline.cli.reports.cross_asset.brief import flow_brief

    return flow_brief


@cross_asset.command("groups", short_help="Flows of groups of funds, and how much of each is known.")
@_days
@prints_report(CROSS_ASSET, "cross-asset groups --refresh", refresh_by=_FETCH)
def groups(*, days: int) -> Build:
    """Flows of sectors, regions or spot crypto funds, as the settings group them, summed over what is known."""
    from marketflows_pipeline.cli.reports.cross_asset.groups import fund_groups

    return lambda data: fund_groups(data, days)


@cross_asset.command("rotation", short_help="Which of two classes flows favour, and since when.")
@click.argument("first", callback=name_text)
@click.argument("second", callback=name_text)
@days_option(63, "How many sessions, back from the newest with both flows.")
@prints_report(CROSS_ASSET, "cross-asset rotation {first} {second} --refresh", refresh_by=_FETCH)
def rotation(*, first: str, second: str, days: int) -> Build:
    """Cumulative flow of FIRST less that of SECOND in percent of assets: classes (equity) or symbols (SPY).

    Which of them flows favour, since when, and whether they move together; not which dollar went where.
    """
    from marketflows_pipeline.cli.reports.cross_asset.rotation import flow_rotation_report

    return lambda data: flow_rotation_report(data, first, second, days)


@click.command("train", short_help="Train a model on flows and judge it out of sample.")
@choice_option(["5", "20"], "--horizon", words="How many sessions ahead.")
@choice_option(
    ["direction", "rank"],
    "--target",
    words="Whether the close is higher, or whether the asset is in the better half of the universe.",
)
@choice_option(["logistic", "gradient_boosting"], "--model", words="Kind of model.")
@format_option
@click.pass_obj
def train(options: RunOptions, horizon: str, target: str, model: str, output_format: ReportFormat) -> None:
    """Train a model, walked forward by date, and say what it was worth beside baselines and without flows."""
    from marketflows_pipeline.cli.reports.cross_asset.model_evaluation import model_evaluation

    # The command line lets no other words through.
    one = Training(cast("Horizon", int(horizon)), cast("Target", target), cast("ModelKind", model))
    print_report(
        options,
        CROSS_ASSET,
        lambda data: model_evaluation(data, horizon=int(horizon), target=target, model=model),
        output_format,
        "train",
        verb=_TRAIN,
        run_first=run_of("cross_asset", "train_models", trainings=(one,)),
    )


@click.command("score", short_help="Probabilities of the latest session, and what they are worth.")
@prints_report(CROSS_ASSET, "train", verb=_TRAIN, refresh_by=run_of("cross_asset", "score_models"))
def score() -> Build:
    """Probabilities for the latest session by the newest models, each with a plain verdict."""
    from marketflows_pipeline.cli.reports.cross_asset.model_scores import model_scores

    options: RunOptions = click.get_current_context().obj
    how_to_train, how_to_score = options.command_line("train"), options.command_line("score --refresh")
    return lambda data: model_scores(data, how_to_train=how_to_train, how_to_score=how_to_score)


@click.command("fresh-money", short_help="Stablecoins issued, funds created, exchanges' net flow.")
@prints_report(FRESH_MONEY, "fresh-money --refresh", refresh_by=_FETCH_ALL)
def fresh_money() -> Build:
    """Issuance of stablecoins, creations of funds and net flow of exchanges on one page, never added up."""
    from marketflows_pipeline.cli.reports.cross_asset import fresh_money as report

    return report.fresh_money


CROSS_ASSET_COMMANDS: tuple[click.Command, ...] = (cross_asset, train, score, fresh_money)
