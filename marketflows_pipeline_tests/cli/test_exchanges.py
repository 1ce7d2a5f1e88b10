"""The exchange commands as users meet them: the document's keys, figures to work out by hand, faults in one line."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import exchanges
from marketflows_pipeline.cli.answers.answer import plain
from marketflows_pipeline.cli.answers.heuristic import net_flow_signal, volume_trend
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline_tests.cli.exchange_data import NOW, OBSERVED, TABLES_OF_DATA, publish_exchanges

ROOT = Path(__file__).parents[2]
COMMANDS = {command.name: command for command in exchanges.EXCHANGE_COMMANDS}

# Each with arguments that it answers to.
ANSWERED = ["exchange-flows", "exchange-netflow binance", "whale-movements", "exchange-tvl", "exchange-dominance"]

# What the document's commands print, by path; a list stands for its first entry.
DOCUMENTED = {
    "exchange-flows": {
        "": "timestamp exchanges market_analysis",
        "exchanges": (
            "exchange exchange_id volume_24h_btc volume_24h_usd trust_score flow_direction year_established country url"
        ),
        "market_analysis": "total_volume_24h_btc top_3_concentration_pct num_major_exchanges avg_trust_score",
    },
    "exchange-netflow binance": {
        "": (
            "exchange exchange_id current_volume_24h_btc trust_score net_flow_signal volume_trend volume_change_pct "
            "analysis_period_days data_points url interpretation"
        ),
    },
    "whale-movements": {
        "": "timestamp whale_movements total_whale_signals methodology min_value_threshold_usd data_source",
        "whale_movements": (
            "coin symbol coin_id volume_24h_usd market_cap_usd volume_to_mcap_ratio price_change_24h_pct "
            "whale_activity_score signal_type market_cap_rank"
        ),
    },
    "exchange-tvl": {
        "": "timestamp exchanges market_summary",
        "exchanges": "name symbol tvl_usd change_1d_pct change_7d_pct mcap_usd category chains url tvl_dominance_pct",
        "market_summary": "total_tvl_usd num_exchanges top_5_dominance_pct avg_7d_change_pct",
    },
    "exchange-dominance": {
        "": "timestamp exchanges concentration_metrics interpretation",
        "exchanges": ("exchange exchange_id volume_24h_btc market_dominance_pct trust_score country year_established"),
        "concentration_metrics": (
            "top_1_dominance_pct top_3_dominance_pct top_5_dominance_pct hhi_index market_concentration systemic_risk"
        ),
        "interpretation": "concentration risk_assessment recommendation",
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config.toml and the hand-made exchange part, published."""
    made = tmp_path_factory.mktemp("exchanges")
    publish_exchanges(made)
    return made


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    """The hour at which the commands are asked."""
    fixed = FixedClock(NOW)
    monkeypatch.setattr(exchanges, "SystemClock", lambda: fixed)
    return fixed


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


@pytest.mark.parametrize("line", ANSWERED)
def test_the_documents_keys_are_all_there_and_none_more_nested(folder: Path, line: str) -> None:
    body = ask(folder, line)
    for path, names in DOCUMENTED[line].items():
        level = body[path] if path else body
        level = level[0] if isinstance(level, list) else level
        assert set(names.split()) <= set(level), path or "top level"


@pytest.mark.parametrize("line", ANSWERED)
def test_every_answer_says_when_whence_how_and_what_is_missing(folder: Path, line: str) -> None:
    body = ask(folder, line)
    assert body["timestamp"] == NOW.isoformat()
    assert datetime.fromisoformat(body["as_of"]) < NOW
    assert body["stale"] is False
    assert body["synthetic"] is False
    assert "ynthetic" not in body["source"]
    assert len(body["method"]) > 100
    assert body["coverage"]


def test_flows_list_as_many_as_asked_for_and_total_all(folder: Path) -> None:
    body = ask(folder, "exchange-flows")
    assert [row["exchange_id"] for row in body["exchanges"]] == ["binance", "okex"], "top_n of the settings is 2"
    assert [row["exchange_id"] for row in ask(folder, "exchange-flows 1")["exchanges"]] == ["binance"]
    analysis = body["market_analysis"]
    assert analysis["total_volume_24h_btc"] == 20_000
    assert analysis["total_volume_24h_usd"] == 1_800_000_000
    # (10,000 + 5,000 + 4,000) / 20,000
    assert analysis["top_3_concentration_pct"] == 95
    assert analysis["num_major_exchanges"] == 4
    # (10 + 8 + 7) / 3: the exchange without a score counts in no mean.
    assert analysis["avg_trust_score"] == 8.333333
    assert analysis["segments"]["decentralised"]["total_volume_24h_btc"] == 1_000


def test_a_flow_has_the_measured_direction_beside_the_guess(folder: Path) -> None:
    first, *_, last = ask(folder, "exchange-flows 5")["exchanges"]
    assert (first["volume_change_pct"], first["volume_zscore"], first["flow_direction"]) == (25, 2.123457, "inflow")
    assert (first["rank"], first["market_share_pct"], first["trust_heuristic"]) == (1, 50, "inflow")
    assert (last["exchange_id"], last["volume_24h_btc"], last["volume_24h_usd"]) == ("kraken", None, None)
    assert (last["trust_score"], last["country"]) == (None, None), "missing is null, never 0 or N/A"


def test_the_flows_coverage_says_how_deep_the_listing_went(folder: Path) -> None:
    coverage = ask(folder, "exchange-flows")["coverage"]
    assert (coverage["n_exchanges"], coverage["listing_depth"], coverage["is_full_listing"]) == (5, 5, False)
    assert coverage["oldest_observed_at"] == OBSERVED.isoformat()
    assert (coverage["last_full_listing_exchanges"], coverage["uncovered_pct"]) == (480, 2.0)
    assert [row["exchange_id"] for row in coverage["tracked_without_volume"]] == ["kraken"]


def test_a_netflow_is_summed_over_the_days_that_have_one(folder: Path) -> None:
    body = ask(folder, "exchange-netflow binance")
    # 100 - 30, -50 + 20, 10 - 205, 60 - 215 million
    assert body["netflow_usd"] == 70e6
    assert body["price_effect_usd"] == -30e6
    assert body["left_out_usd"] == -195e6
    assert body["tvl_change_usd"] == -155e6
    assert body["netflow_usd"] + body["price_effect_usd"] + body["left_out_usd"] == body["tvl_change_usd"]
    assert body["left_out"] == {
        "new_usd": 10e6,
        "vanished_usd": -200e6,
        "dust_usd": -5e6,
        "absurd_usd": None,
        "own_token_usd": None,
        "unpriced_usd": None,
    }
    assert (body["netflow_days"], body["netflow_from_day"], body["netflow_to_day"]) == (2, "2026-11-17", "2026-11-19")
    assert [row["day"] for row in body["coverage"]["days_without_netflow"]] == ["2026-11-17", "2026-11-20"]
    assert "XYZ worth 2.0 %" in body["coverage"]["warnings"][0]
    assert body["coverage"]["largest_identity_gap_pct"] == 0.5


@pytest.mark.parametrize(
    ("days", "netflow_usd", "direction"),
    # 70 million are 0.7 % of the reserves, -30 million -0.3 %; the newest day alone has no flow.
    [(7, 70e6, "inflow"), (2, -30e6, "stable"), (1, None, None)],
)
def test_the_direction_is_that_of_money_against_the_reserves(
    folder: Path, days: int, netflow_usd: float | None, direction: str | None
) -> None:
    body = ask(folder, f"exchange-netflow binance {days}")
    assert (body["netflow_usd"], body["net_flow_direction"]) == (netflow_usd, direction)
    assert (body["netflow_reason"] is None) == (netflow_usd is not None)


def test_the_documents_signal_stays_beside_it_and_is_called_a_heuristic(folder: Path) -> None:
    body = ask(folder, "exchange-netflow binance")
    # Recent (500 + 600 + 700) / 3 = 600 against (100 + 200 + 300 + 400) / 4 = 250
    assert (body["volume_trend"], body["volume_change_pct"], body["data_points"]) == ("increasing", 140, 7)
    assert body["net_flow_signal"] == "strong_inflow"
    assert body["net_flow_signal_basis"] == "heuristic: trust score and volume trend, not money"
    assert "may" in body["interpretation"]


def test_what_defillama_itself_reports_stands_beside_the_netflow(folder: Path) -> None:
    body = ask(folder, "exchange-netflow binance")
    assert body["defillama_inflow_24h_usd"] == 4_403_471.6
    assert body["defillama_inflow_1w_usd"] is None
    assert (body["reserves_usd"], body["own_token_share_pct"], body["coverage_pct"]) == (10e9, 15, 85)
    assert body["market_share_pct"] == 50


@pytest.mark.parametrize("wanted", ["binance", "binance-cex", "BINANCE-CEX", "Binance", "BiNaNcE"])
def test_an_exchange_goes_by_id_slug_or_name_in_any_case(folder: Path, wanted: str) -> None:
    body = ask(folder, f"exchange-netflow {wanted}")
    assert (body["exchange_id"], body["defillama_slug"]) == ("binance", "binance-cex")


def test_defillamas_own_name_of_an_exchange_will_do(folder: Path) -> None:
    """Coinbase is gdax and Coinbase Exchange at CoinGecko, and has no slug."""
    assert ask(folder, "exchange-netflow Coinbase")["exchange_id"] == "gdax"


def test_an_exchange_that_coingecko_does_not_list_goes_by_its_slug(folder: Path) -> None:
    body = ask(folder, "exchange-netflow bitbank-jp")
    assert (body["exchange_id"], body["current_volume_24h_btc"], body["data_points"]) == ("bitbank-jp", None, 0)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("gdax", "DefiLlama knows no wallets of this exchange"),
        ("okx", 'not tracked: add "okex" to tracked under [exchanges]'),
        ("kraken", "DefiLlama's last answer was refused: Upgrade to the paid plan"),
        ("uniswap_v3", "a decentralised exchange"),
        ("binance --days 1", "a record without quantities"),
    ],
)
def test_an_exchange_without_a_netflow_says_why(folder: Path, wanted: str, why: str) -> None:
    body = ask(folder, f"exchange-netflow {wanted}")
    assert body["netflow_usd"] is None
    assert body["net_flow_direction"] is None
    assert why in body["netflow_reason"]


def test_coinbase_still_has_its_volumes(folder: Path) -> None:
    body = ask(folder, "exchange-netflow gdax")
    assert body["as_of"] == OBSERVED.isoformat()
    # Two days: 400 against 800.
    assert (body["volume_trend"], body["volume_change_pct"], body["data_points"]) == ("decreasing", -50, 2)
    assert body["net_flow_signal"] == "moderate_outflow"
    assert body["daily"] == []
    assert body["reserves_usd"] is None


def test_volumes_of_long_ago_are_not_the_last_days(folder: Path) -> None:
    body = ask(folder, "exchange-netflow okx")
    assert (body["data_points"], body["volume_trend"], body["volume_change_pct"]) == (0, "insufficient_data", None)
    assert body["net_flow_signal"] is None
    assert body["reserves_usd"] == 5e9, "from DefiLlama's overview, which has the untracked ones too"


def test_an_unknown_exchange_is_the_users_fault_and_near_ones_are_named(folder: Path) -> None:
    caught = fault(folder, "exchange-netflow binanec")
    assert isinstance(caught, UserInputError)
    assert "did you mean binance (Binance)" in str(caught)
    assert "gdax (Coinbase Exchange)" in str(fault(folder, "exchange-netflow coinbas"))
    assert "core.exchanges" in str(fault(folder, "exchange-netflow ???"))


def test_a_name_that_two_exchanges_bear_is_asked_back(folder: Path) -> None:
    caught = fault(folder, "exchange-netflow twin")
    assert isinstance(caught, UserInputError)
    assert "twin_a, twin_b" in str(caught)


def test_days_may_be_an_argument_or_an_option_but_not_two_numbers(folder: Path) -> None:
    as_argument = ask(folder, "exchange-netflow binance 2")
    assert as_argument == ask(folder, "exchange-netflow binance --days 2")
    assert as_argument == ask(folder, "exchange-netflow binance 2 --days 2")
    assert as_argument["analysis_period_days"] == 2
    result = invoke(folder, "exchange-netflow binance 2 --days 3")
    assert result.exit_code == 2
    assert "give one of them" in result.output


@pytest.mark.parametrize(
    ("volumes", "trend", "change_pct"),
    [
        ([], "insufficient_data", None),
        ([5.0], "insufficient_data", None),
        ([4.0, 5.0], "increasing", 25.0),
        ([5.0, 4.0], "decreasing", -20.0),
        ([5.0, 5.0], "stable", 0.0),
        # Fewer than six: the mean of the last three, 4, against the first alone.
        ([2.0, 9.0, 3.0, 4.0, 5.0], "increasing", 100.0),
        # Six: 4 against (2 + 9 + 1) / 3 = 4.
        ([2.0, 9.0, 1.0, 3.0, 4.0, 5.0], "stable", 0.0),
        ([0.0, 1.0], "increasing", None),
    ],
)
def test_the_volume_trend_follows_the_documents_rule(
    volumes: list[float], trend: str, change_pct: float | None
) -> None:
    found = volume_trend(volumes)
    assert (found.trend, found.change_pct, found.points) == (trend, change_pct, len(volumes))


@pytest.mark.parametrize(
    ("trust", "trend", "signal"),
    [
        (8.0, "increasing", "strong_inflow"),
        (7.9, "increasing", "moderate_inflow"),
        (6.0, "increasing", "moderate_inflow"),
        (5.9, "increasing", "stable"),
        (10.0, "decreasing", "moderate_outflow"),
        (6.0, "decreasing", "moderate_outflow"),
        (5.9, "decreasing", "strong_outflow"),
        (9.0, "stable", "stable"),
        (None, "decreasing", None),
        (9.0, "insufficient_data", None),
    ],
)
def test_the_five_way_signal_follows_the_documents_rule(trust: float | None, trend: str, signal: str | None) -> None:
    assert net_flow_signal(trust, trend) == signal


def test_whales_are_unusual_coins_above_the_volume_asked_for(folder: Path) -> None:
    body = ask(folder, "whale-movements")
    assert [row["coin_id"] for row in body["whale_movements"]] == ["pepe", "bonk"], "tiny trades less than a million"
    assert body["total_whale_signals"] == 2
    assert [row["coin_id"] for row in ask(folder, "whale-movements 30e6")["whale_movements"]] == ["pepe"]
    assert [row["coin_id"] for row in ask(folder, "whale-movements 900000")["whale_movements"]][-1] == "tiny"
    first = body["whale_movements"][0]
    assert (first["volume_to_mcap_ratio"], first["whale_activity_score"], first["score_basis"]) == (40, 7, "zscore")
    assert body["coverage"] == {
        "n_candidates": 4,
        "n_trending": 1,
        "n_with_zscore": 2,
        "n_unusual": 3,
        "n_above_threshold": 3,
        "excluded_categories": ["stablecoins", "wrapped-tokens"],
    }
    assert "No single transaction" in body["method"]


def test_reserves_and_dex_tvl_are_ranked_apart(folder: Path) -> None:
    body = ask(folder, "exchange-tvl")
    assert [row["name"] for row in body["exchanges"]] == ["Binance", "OKX"]
    assert body["exchanges"][0]["chains"] == ["Ethereum", "Bitcoin"]
    summary = body["market_summary"]
    # 10 + 5 + 1 billion, the third not shown; Coinbase is not measured; (-2 + 4) / 2.
    assert (summary["total_tvl_usd"], summary["num_exchanges"], summary["num_unmeasured"]) == (16e9, 3, 1)
    assert (summary["top_5_dominance_pct"], summary["avg_7d_change_pct"]) == (100, 1)
    assert body["decentralised"]["market_summary"]["total_tvl_usd"] == 3e9
    assert [row["exchange"] for row in body["coverage"]["largest_without_reserves"]] == ["Coinbase Exchange", "Upbit"]


def test_what_is_not_measured_has_no_place_in_the_ranking(folder: Path) -> None:
    (folder / "deep.toml").write_text("[exchanges]\ntop_n = 50\n")
    body = json.loads(invoke(folder, "exchange-tvl", config="deep.toml").stdout)
    assert [row["name"] for row in body["exchanges"]] == ["Binance", "OKX", "Kraken"]
    assert body["exchanges"][-1]["chains"] == []


def test_the_volume_behind_a_share_is_known_though_the_exchange_left_the_list(tmp_path: Path) -> None:
    publish_exchanges(tmp_path, {**TABLES_OF_DATA, "mart.exchange_flows": TABLES_OF_DATA["mart.exchange_flows"][:1]})
    second = ask(tmp_path, "exchange-dominance")["exchanges"][1]
    assert (second["exchange_id"], second["volume_24h_btc"], second["trust_score"]) == ("okex", 5_000, None)


def test_dominance_is_over_all_that_are_measured(folder: Path) -> None:
    body = ask(folder, "exchange-dominance")
    assert [row["market_dominance_pct"] for row in body["exchanges"]] == [50, 25]
    metrics = body["concentration_metrics"]
    # 50^2 + 25^2 + 20^2 + 5^2, though two are shown
    assert metrics["hhi_index"] == 3_550
    assert (metrics["hhi_lower_bound"], metrics["hhi_upper_bound"]) == (3_409.42, 3_413.42)
    # 3,550 - 1,500 thirty days ago
    assert metrics["hhi_change_30d"] == 2_050
    assert body["interpretation"]["concentration"] == "highly_concentrated"
    assert body["interpretation"]["risk_assessment"].startswith("HIGH systemic risk (heuristic)")
    assert [(row["measure"], row["hhi_index"]) for row in body["concentration_by_measure"]] == [
        ("reserves", 4_921.875),
        ("spot_volume", 3_550),
    ]


def test_dominance_of_reserves_claims_no_bounds(folder: Path) -> None:
    body = ask(folder, "exchange-dominance --measure reserves")
    assert (body["segment"], body["concentration_metrics"]["hhi_upper_bound"]) == ("centralised", None)
    first = body["exchanges"][0]
    assert (first["value"], first["value_unit"], first["volume_24h_btc"]) == (10e9, "USD", 10_000)


def test_a_segment_without_figures_says_which_there_are(folder: Path) -> None:
    caught = fault(folder, "exchange-dominance --measure reserves --segment decentralised")
    assert isinstance(caught, UserInputError)
    assert "reserves of centralised, spot_volume of all" in str(caught)


@pytest.mark.parametrize(
    ("line", "hours", "stale"),
    [
        # Observed half an hour before: 2 h old after another 1.5.
        ("exchange-flows", 1.5, False),
        ("exchange-flows", 1.6, True),
        ("whale-movements", 1.6, True),
        ("exchange-tvl", 1.6, True),
        ("exchange-dominance", 1.6, True),
        # Asked for ten hours before: 26 h old after another 16. The later fetch was not published.
        ("exchange-netflow binance", 16, False),
        ("exchange-netflow binance", 16.1, True),
        ("exchange-netflow gdax", 25.5, False),
        ("exchange-netflow gdax", 25.6, True),
    ],
)
def test_an_answer_that_is_too_old_says_so(
    folder: Path, clock: FixedClock, line: str, hours: float, *, stale: bool
) -> None:
    clock.sleep(hours * 3600)
    assert ask(folder, line)["stale"] is stale
    table = invoke(folder, f"{line} --format table").stdout.splitlines()[0]
    assert ("STALE" in table) is stale
    assert ("stale" in invoke(folder, f"{line} --format csv").stderr) is stale


def test_decentralised_tvl_has_a_daily_limit_of_its_own(folder: Path, clock: FixedClock) -> None:
    clock.sleep(3 * 3600)
    body = ask(folder, "exchange-tvl")
    assert (body["stale"], body["decentralised"]["stale"]) == (True, False)


def test_records_that_lag_though_they_were_asked_for_are_stale(tmp_path: Path) -> None:
    days_ago = timedelta(days=4)
    lagging = [
        {**row, "day": row["day"] - days_ago, "ts": row["ts"] - days_ago}
        for row in TABLES_OF_DATA["mart.exchange_netflow"]
    ]
    publish_exchanges(tmp_path, {**TABLES_OF_DATA, "mart.exchange_netflow": lagging})
    body = ask(tmp_path, "exchange-netflow binance")
    assert (body["as_of"], body["data_day"], body["stale"]) == ("2026-11-20T08:00:00+00:00", "2026-11-16", True)


def test_figures_are_rounded_without_noise_and_what_is_not_finite_is_null() -> None:
    body = {"a_usd": 0.1 + 0.2, "b_pct": 100 / 3, "c": float("nan"), "d_usd": float("inf"), "e_pct": -1e-9, "n": 7}
    assert plain({"list": [body]}) == {
        "list": [{"a_usd": 0.3, "b_pct": 33.333333, "c": None, "d_usd": None, "e_pct": 0.0, "n": 7}]
    }
    assert str(plain(-1e-9)) == "0.0", "never -0.0"
    assert plain(1_234.567, "price_usd") == 1_234.57


@pytest.mark.parametrize("line", ANSWERED)
def test_the_table_has_heading_list_summary_and_notes(folder: Path, line: str) -> None:
    lines = invoke(folder, f"{line} --format table").stdout.splitlines()
    assert lines[0].endswith("UTC")
    assert set(lines[3]) == {"─", " "}
    assert "NaN" not in "\n".join(lines)
    assert [text for text in lines if text.startswith("* ")]
    assert max(map(len, lines)) < 160


def test_the_table_gives_people_units_and_thousands(folder: Path) -> None:
    text = invoke(folder, "exchange-flows --format table").stdout
    assert "1  Binance              10,000    900.0      50.00             25.0     2.12  inflow      10.0" in text
    assert "20,000 BTC, 1.80 billion USD in 24 h" in text


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("exchange-flows", {"exchange": "Binance", "volume_24h_btc": "10000.0", "country": ""}),
        ("exchange-netflow binance", {"day": "2026-11-17", "netflow_usd": "", "reason": "first record"}),
        ("whale-movements", {"coin": "Pepe", "is_trending": "true"}),
        ("exchange-tvl", {"kind": "cex", "chains": "Ethereum, Bitcoin"}),
        ("exchange-dominance", {"exchange": "Binance", "market_dominance_pct": "50.0", "value_unit": "BTC"}),
    ],
)
def test_csv_is_the_main_list_flat(folder: Path, line: str, first: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(folder, f"{line} --format csv").stdout)))
    assert rows[0] | first == rows[0]
    assert "synthetic" not in rows[0]


def test_csv_of_an_empty_list_still_names_its_columns(folder: Path) -> None:
    text = invoke(folder, "exchange-netflow gdax --format csv").stdout
    assert text.startswith("day,previous_day,netflow_usd")
    assert text.count("\n") == 1


@pytest.mark.parametrize("line", ANSWERED)
def test_the_tutorials_figures_are_marked_and_never_age(
    folder: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(folder)
    clock.sleep(400 * 86_400)
    body = ask(folder, line, tutorial=True)
    assert body["synthetic"] is True
    assert body["source"].startswith("Synthetic")
    assert body["stale"] is False
    assert "SYNTHETIC" in invoke(folder, f"{line} --format table", tutorial=True).stdout.splitlines()[1]
    rows = list(csv.DictReader(io.StringIO(invoke(folder, f"{line} --format csv", tutorial=True).stdout)))
    assert {row["synthetic"] for row in rows} == {"true"}


@pytest.mark.parametrize("line", ANSWERED)
def test_before_the_first_fetch_the_command_that_fetches_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "config.toml").write_text("[exchanges]\n")
    caught = fault(tmp_path, line)
    assert caught.exit_code == 1
    assert f"marketflows --config {tmp_path / 'config.toml'} {line} --refresh" in str(caught)


@pytest.mark.parametrize("line", ANSWERED)
def test_a_file_without_this_part_names_it_too(tmp_path: Path, line: str) -> None:
    publish_exchanges(tmp_path, {})
    assert f"{line} --refresh" in str(fault(tmp_path, line))


def test_without_the_table_in_the_config_it_is_said_to_add_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    assert "has no table [exchanges]: add it" in str(fault(tmp_path, "exchange-flows"))


def test_hourly_data_answers_before_the_first_daily_run(tmp_path: Path) -> None:
    daily = {"mart.exchange_netflow", "meta.exchange_fetches", "mart.exchange_coverage", "raw.excluded_coins"}
    publish_exchanges(tmp_path, {name: rows for name, rows in TABLES_OF_DATA.items() if name not in daily})
    assert ask(tmp_path, "exchange-flows")["coverage"]["last_full_listing_at"] is None
    assert ask(tmp_path, "whale-movements")["coverage"]["excluded_categories"] == []
    assert ask(tmp_path, "exchange-tvl")["coverage"]["largest_without_reserves"] == []
    assert ask(tmp_path, "exchange-netflow gdax")["netflow_usd"] is None
    assert "exchange-netflow binance --refresh" in str(fault(tmp_path, "exchange-netflow binance"))


def test_an_hour_without_whale_candidates_is_an_answer(tmp_path: Path) -> None:
    publish_exchanges(tmp_path, {**TABLES_OF_DATA, "mart.whale_signals": []})
    body = ask(tmp_path, "whale-movements")
    assert (body["whale_movements"], body["total_whale_signals"], body["as_of"]) == ([], 0, OBSERVED.isoformat())


@pytest.mark.parametrize(
    "line",
    [
        "exchange-flows 0",
        "exchange-flows -3",
        "exchange-flows many",
        "exchange-flows 1.5",
        "exchange-flows --format parquet",
        "exchange-netflow",
        "exchange-netflow binance 0",
        "exchange-netflow binance --days -1",
        "whale-movements 0",
        "whale-movements nan",
        "whale-movements inf",
        "exchange-tvl 5",
        "exchange-dominance --measure fame",
        "exchange-dominance --segment some",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(folder: Path, line: str) -> None:
    result = invoke(folder, line)
    assert result.exit_code == 2
    assert "Error:" in result.output
    assert result.stdout == ""


@pytest.fixture
def refreshed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Stands in for the run: notes whether daily data was asked for; succeeds until told otherwise."""
    asked: list[bool] = []

    def refresh_exchanges(options: RunOptions, *, daily: bool) -> int:
        assert options.config.name == "config.toml"
        asked.append(daily)
        return 1 if len(asked) > 1 else 0

    monkeypatch.setitem(
        sys.modules, "marketflows_pipeline.cli.run", SimpleNamespace(refresh_exchanges=refresh_exchanges)
    )
    return asked


@pytest.mark.parametrize("line", ANSWERED)
def test_refresh_runs_the_part_first_and_a_failed_run_gives_no_answer(
    folder: Path, refreshed: list[bool], line: str
) -> None:
    assert ask(folder, f"{line} --refresh")["as_of"]
    assert refreshed == [line.startswith("exchange-netflow")], "netflow needs what is fetched daily"
    failed = invoke(folder, f"{line} --refresh")
    assert (failed.exit_code, failed.stdout) == (1, "")


# The command, telling at its end which of the heavy libraries it imported.
PROGRAM = (
    "import atexit, sys; from marketflows_pipeline.cli import main;"
    "heavy = {'dagster', 'polars', 'altair', 'numpy', 'pyarrow', 'pandas'};"
    "atexit.register(lambda: print(*sorted(heavy & {name for name, module in sys.modules.items() if module}),"
    " file=sys.stderr));"
    "main()"
)


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("line", ANSWERED)
def test_the_program_answers_without_dagster_and_polars(folder: Path, line: str) -> None:
    done = program(folder, *line.split())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["as_of"]
    assert done.stderr.strip() == ""


def test_the_program_marks_the_tutorial(folder: Path) -> None:
    done = program(folder, "--tutorial", "exchange-flows", "5")
    assert json.loads(done.stdout)["synthetic"] is True


def test_the_programs_faults_have_their_exit_codes_and_one_line(folder: Path, tmp_path: Path) -> None:
    unknown = program(folder, "exchange-netflow", "binanec")
    assert (unknown.returncode, unknown.stdout, unknown.stderr.strip().count("\n")) == (2, "", 0)
    assert unknown.stderr.startswith("error: no exchange")
    shutil.copy(folder / "config.toml", tmp_path)
    empty = program(tmp_path, "exchange-flows")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "fetch it: marketflows exchange-flows --refresh" in empty.stderr
    assert "Traceback" not in empty.stderr
