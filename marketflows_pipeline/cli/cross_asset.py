"""The commands of the cross-asset part: options, and which report is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketflows_pipeline.cli.report_command import MAX_DAYS, format_option, print_report, refresh_option
from marketflows_pipeline.cli.report_context import CROSS_ASSET, FRESH_MONEY
from marketflows_pipeline.cli.text import argument_text
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.cli.reports.report import ReportFormat

DEFAULT_DAYS = 21
# A quarter of sessions.
ROTATION_DAYS = 63
_TRAIN = "train a model"

_days = click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
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
    options: RunOptions, days: int, output_format: ReportFormat, *, include_issuance: bool, refresh: bool
) -> None:
    """Net flow of each asset over the last sessions, ranked; issuance of coins is shown beside."""
    from marketflows_pipeline.cli.reports.cross_asset.flows import cross_asset_flows  # noqa: PLC0415 (--help is quick)

    print_report(
        options,
        CROSS_ASSET,
        lambda data: cross_asset_flows(data, days, include_issuance=include_issuance),
        output_format,
        command="cross-asset flows --refresh",
        run_first=_fetch if refresh else None,
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
    output_format: ReportFormat,
    *,
    include_issuance: bool,
    refresh: bool,
) -> None:
    """Which assets took in money while SYMBOL lost it, or lost it while SYMBOL took it in.

    An attribution in proportion to size, not observed transfers.
    """
    from marketflows_pipeline.cli.reports.cross_asset import who_gained as report  # noqa: PLC0415

    print_report(
        options,
        CROSS_ASSET,
        lambda data: report.who_gained(data, symbol, days, include_issuance=include_issuance),
        output_format,
        command=f"cross-asset who-gained {symbol} --refresh",
        run_first=_fetch if refresh else None,
    )


@cross_asset.command("regimes", short_help="Risk-on, risk-off or mixed, and since when.")
@_days
@format_option
@refresh_option
@click.pass_obj
def regimes(options: RunOptions, days: int, output_format: ReportFormat, *, refresh: bool) -> None:
    """Whether the market wants risk: by VIX, its term structure and ratios of assets."""
    from marketflows_pipeline.cli.reports.cross_asset.regimes import market_regimes  # noqa: PLC0415

    print_report(
        options,
        CROSS_ASSET,
        lambda data: market_regimes(data, days),
        output_format,
        command="cross-asset regimes --refresh",
        run_first=_fetch if refresh else None,
    )


@cross_asset.command("brief", short_help="Flows by class and asset, how unusual, streaks and shocks.")
@format_option
@refresh_option
@click.pass_obj
def brief(options: RunOptions, output_format: ReportFormat, *, refresh: bool) -> None:
    """Flows of 1, 5 and 21 trade sessions by group, class and asset, each against all past windows of that length."""
    from marketflows_pipeline.cli.reports.cross_asset.brief import flow_brief  # noqa: PLC0415

    print_report(
        options,
        CROSS_ASSET,
        flow_brief,
        output_format,
        command="cross-asset brief --refresh",
        run_first=_fetch if refresh else None,
    )


@cross_asset.command("groups", short_help="Flows of groups of funds, and how much of each is known.")
@_days
@format_option
@refresh_option
@click.pass_obj
def groups(options: RunOptions, days: int, output_format: ReportFormat, *, refresh: bool) -> None:
    """Flows of sectors, regions or spot crypto funds, as the settings group them, summed over what is known."""
    from marketflows_pipeline.cli.reports.cross_asset.groups import fund_groups  # noqa: PLC0415

    print_report(
        options,
        CROSS_ASSET,
        lambda data: fund_groups(data, days),
        output_format,
        command="cross-asset groups --refresh",
        run_first=_fetch if refresh else None,
    )


@cross_asset.command("rotation", short_help="Which of two classes flows favour, and since when.")
@click.argument("first", callback=argument_text)
@click.argument("second", callback=argument_text)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    default=ROTATION_DAYS,
    show_default=True,
    help="How many sessions, back from the newest with both flows.",
)
@format_option
@refresh_option
@click.pass_obj
def rotation(
    options: RunOptions, first: str, second: str, days: int, output_format: ReportFormat, *, refresh: bool
) -> None:
    """Cumulative flow of FIRST less that of SECOND in percent of assets: classes (equity) or symbols (SPY).

    Which of them flows favour, since when, and whether they move together; not which dollar went where.
    """
    from marketflows_pipeline.cli.reports.cross_asset.rotation import flow_rotation_report  # noqa: PLC0415

    print_report(
        options,
        CROSS_ASSET,
        lambda data: flow_rotation_report(data, first, second, days),
        output_format,
        command=f"cross-asset rotation {first} {second} --refresh",
        run_first=_fetch if refresh else None,
    )


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
def train(options: RunOptions, horizon: str, target: str, model: str, output_format: ReportFormat) -> None:
    """Train a model, walked forward by date, and say what it was worth beside baselines and without flows."""
    from marketflows_pipeline.cli.reports.cross_asset.model_evaluation import model_evaluation  # noqa: PLC0415

    def train_now(options: RunOptions) -> int:
        from marketflows_pipeline.cli.run import train_model  # noqa: PLC0415 (Dagster takes over a second)

        return train_model(options, horizon=int(horizon), target=target, model=model)

    print_report(
        options,
        CROSS_ASSET,
        lambda data: model_evaluation(data, horizon=int(horizon), target=target, model=model),
        output_format,
        command="train",
        verb=_TRAIN,
        run_first=train_now,
    )


@click.command("score", short_help="Probabilities of the latest session, and what they are worth.")
@format_option
@refresh_option
@click.pass_obj
def score(options: RunOptions, output_format: ReportFormat, *, refresh: bool) -> None:
    """Probabilities for the latest session by the newest models, each with a plain verdict."""
    from marketflows_pipeline.cli.reports.cross_asset.model_scores import model_scores  # noqa: PLC0415

    print_report(
        options,
        CROSS_ASSET,
        lambda data: model_scores(
            data,
            how_to_train=options.command_line("train"),
            how_to_score=options.command_line("score --refresh"),
        ),
        output_format,
        command="train",
        verb=_TRAIN,
        run_first=_score if refresh else None,
    )


@click.command("fresh-money", short_help="Stablecoins issued, funds created, exchanges' net flow.")
@format_option
@refresh_option
@click.pass_obj
def fresh_money(options: RunOptions, output_format: ReportFormat, *, refresh: bool) -> None:
    """Issuance of stablecoins, creations of funds and net flow of exchanges on one page, never added up."""
    from marketflows_pipeline.cli.reports.cross_asset import fresh_money as report  # noqa: PLC0415

    print_report(
        options,
        FRESH_MONEY,
        report.fresh_money,
        output_format,
        command="fresh-money --refresh",
        run_first=_fetch_all if refresh else None,
    )


CROSS_ASSET_COMMANDS: tuple[click.Command, ...] = (cross_asset, train, score, fresh_money)


def _fetch(options: RunOptions) -> int:
    from marketflows_pipeline.cli.run import refresh_cross_asset  # noqa: PLC0415 (Dagster takes over a second)

    return refresh_cross_asset(options)


def _fetch_all(options: RunOptions) -> int:
    from marketflows_pipeline.cli.run import refresh_all  # noqa: PLC0415 (Dagster takes over a second)

    return refresh_all(options)


def _score(options: RunOptions) -> int:
    from marketflows_pipeline.cli.run import score_assets  # noqa: PLC0415 (Dagster takes over a second)

    return score_assets(options)
