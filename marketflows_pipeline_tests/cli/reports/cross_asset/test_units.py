"""What `cross-asset brief`, `cross-asset rotation` and `fresh-money` answer on the hand-made market."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import (
    CAPS,
    CONFIG,
    FLOWS,
    NOW,
    TABLES_OF_DATA,
    publish_market,
)
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import day, publish_exchanges

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(scope="module")
def valued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made market with GLD's assets known too: a billion throughout."""
    made = tmp_path_factory.mktemp("valued")
    flows = [{**row, "market_cap_usd": 1e9} if row["symbol"] == "GLD" else row for row in FLOWS]
    publish_market(made, {**TABLES_OF_DATA, "core.asset_flows": flows})
    return made


def unit(body: dict[str, Any], name: str, level: str = "asset") -> dict[str, Any]:
    return next(row for row in body["units"] if (row["name"], row["level"]) == (name, level))


def window(row: dict[str, Any], sessions: int) -> dict[str, Any]:
    return next(each for each in row["windows"] if each["window_sessions"] == sessions)


@pytest.mark.slow
def test_the_brief_has_flows_of_groups_classes_and_assets(valued: Path) -> None:
    body = ask(valued, "cross-asset brief")
    spy = unit(body, "SPY")
    # -50 of the 9,800 before; -295 over five sessions of 10,000.
    assert window(spy, 1)["flow_pct"] == pytest.approx(100 * -50e6 / CAPS["SPY"][-2])
    assert (window(spy, 5)["flow_usd"], window(spy, 5)["flow_pct"]) == (-295e6, -2.95)
    assert window(spy, 21)["flow_usd"] is None
    # GLD's 30 and SPY's -50; of TLT, whose issuer is behind, and IBIT the assets are not known.
    funds = unit(body, "all", "group")
    assert (window(funds, 1)["flow_usd"], window(funds, 1)["n_known"], window(funds, 1)["n_assets"]) == (-20e6, 2, 5)
    assert unit(body, "metal", "class")["streak_sessions"] == 5


@pytest.mark.slow
def test_five_sessions_are_too_few_to_call_anything_unusual(valued: Path) -> None:
    body = ask(valued, "cross-asset brief")
    assert {each["zscore"] for row in body["units"] for each in row["windows"]} == {None}
    assert body["largest_shocks"] == []
    assert "none" in invoke(valued, "cross-asset brief --format table").stdout


@pytest.mark.slow
def test_streaks_end_with_another_sign(valued: Path) -> None:
    body = ask(valued, "cross-asset brief")
    keys = ("streak_sessions", "streak_direction", "streak_since")
    assert [unit(body, "SPY")[key] for key in keys] == [1, "out", "2026-11-19"]
    assert [unit(body, "GLD")[key] for key in keys] == [5, "in", "2026-11-13"]
    assert unit(body, "QQQ")["streak_sessions"] == 0


@pytest.mark.slow
def test_the_brief_as_csv_has_a_line_a_unit(valued: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(valued, "cross-asset brief --format csv").stdout)))
    spy = next(row for row in rows if row["name"] == "SPY")
    assert (spy["flow_5_sessions_usd"], spy["flow_5_sessions_pct"]) == ("-295000000.0", "-2.95")
    assert spy["percentile_5_sessions_pct"] == ""


@pytest.mark.slow
def test_rotation_adds_up_differences_in_percent_of_assets(valued: Path) -> None:
    body = ask(valued, "cross-asset rotation metal SPY --days 2")
    # GLD 3 % and 3 % of a billion; SPY 50 and -50 of 9,800.
    spy = [100 * 50e6 / CAPS["SPY"][3], 100 * -50e6 / CAPS["SPY"][4]]
    assert body["cumulative_pct"] == pytest.approx(6 - sum(spy), abs=1e-6)
    assert (body["first"]["unit"], body["second"]["unit"], body["n_sessions"]) == ("metal", "SPY", 2)
    assert (body["favoured"], body["correlation"]) == (None, None)
    assert "Nobody sees that" in body["caveat"]


@pytest.mark.slow
def test_rotation_of_what_is_not_there_is_one_line(valued: Path) -> None:
    unknown = fault(valued, "cross-asset rotation equity SPYY")
    assert isinstance(unknown, UserInputError)
    assert "did you mean SPY" in str(unknown)
    assert "are the same" in str(fault(valued, "cross-asset rotation equity Equity"))


def measures(body: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["measure"], row["of"]): row for row in body["measures"]}


@pytest.mark.slow
def test_fresh_money_of_one_part_says_that_the_other_is_missing(valued: Path) -> None:
    found = measures(ask(valued, "fresh-money"))
    issued = found["stablecoin_issuance", "2 followed"]
    # The 20th is under way. The 19th: 50 + 0; a week: 500 + 100 + 50 and -20 - 30 + 0.
    assert (issued["day_usd"], issued["week_usd"], issued["to_day"]) == (50e6, 600e6, "2026-11-19")
    assert found["fund_creations", "all funds"]["day_usd"] == -20e6
    missing = found["exchange_stablecoins", "tracked exchanges"]
    assert (missing["week_usd"], missing["reason"]) == (None, "config.toml has no table [exchanges]")


@pytest.mark.slow
def test_fresh_money_is_never_added_up(tmp_path: Path) -> None:
    publish_market(tmp_path)
    (tmp_path / "warehouse" / "marketflows_tutorial.duckdb").unlink()
    classes = [
        {
            "slug": slug,
            "day": day(number),
            "previous_day": day(number - 1),
            "asset_class": name,
            "netflow_mid_usd": flow,
            "ts": NOW,
        }
        for slug, number, name, flow in [
            ("binance-cex", 20, "stablecoins", 5e6),
            ("kraken", 18, "stablecoins", 7e6),
            ("kraken", 20, "btc", -3e6),
            ("kraken", 1, "btc", -4e6),
        ]
    ]
    publish_exchanges(tmp_path, {"mart.exchange_netflow_by_class": classes})
    (tmp_path / "config.toml").write_text(f"[exchanges]\n{CONFIG}")
    body = ask(tmp_path, "fresh-money")
    found = measures(body)
    spans = ("day_usd", "week_usd", "month_usd")
    assert [found["exchange_stablecoins", "stablecoins"][span] for span in spans] == [5e6, 12e6, 12e6]
    assert [found["exchange_coins", "btc"][span] for span in spans] == [-3e6, -3e6, -7e6]
    assert {row["measure"] for row in body["measures"]} == {
        "stablecoin_issuance", "fund_creations", "exchange_stablecoins", "exchange_coins",
    }  # fmt: skip
    assert all(row["as_of"] or row["measure"] == "stablecoin_issuance" for row in body["measures"])
    assert "no two are added" in body["method"]


def test_fresh_money_before_the_first_fetch_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    assert "fresh-money --refresh" in str(fault(tmp_path, "fresh-money"))
