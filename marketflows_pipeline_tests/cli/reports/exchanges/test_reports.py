"""What the exchange commands answer: the document's keys, and figures that can be worked out by hand."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from marketflows_pipeline.cli.reports.report import plain
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline_tests.cli.asking import ANSWERED, ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import (
    NOW,
    OBSERVED,
    TABLES_OF_DATA,
    publish_exchanges,
)

pytestmark = pytest.mark.usefixtures("clock")

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


def test_places_of_the_listed_whales_are_dense(folder: Path) -> None:
    """With a least volume the ranks read 1, 3, 4, as if a row were missing."""
    rows = ask(folder, "whale-movements")["whale_movements"]
    assert [(row["coin_id"], row["rank"]) for row in rows] == [("pepe", 1), ("bonk", 2)], "tiny is second of all"
    rows = ask(folder, "whale-movements 900000")["whale_movements"]
    assert [(row["coin_id"], row["rank"]) for row in rows] == [("pepe", 1), ("tiny", 2), ("bonk", 3)]


def test_the_whales_are_counted_as_on_their_picture(folder: Path) -> None:
    """The picture said 5 of 9 coins are unusual, and the command 6 of 10."""
    assert "In all 3 of 4 coins are unusual" in invoke(folder, "whale-movements --format table").output


@pytest.mark.slow
def test_whales_are_unusual_coins_above_the_volume_asked_for(folder: Path) -> None:
    body = ask(folder, "whale-movements")
    assert [row["coin_id"] for row in body["whale_movements"]] == ["pepe", "bonk"], "tiny trades less than a million"
    assert body["total_whale_signals"] == 2
    assert [row["coin_id"] for row in ask(folder, "whale-movements 30e6")["whale_movements"]] == ["pepe"]
    assert [row["coin_id"] for row in ask(folder, "whale-movements 900000")["whale_movements"]][1] == "tiny"
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


@pytest.mark.slow
def test_the_volume_behind_a_share_is_known_though_the_exchange_left_the_list(tmp_path: Path) -> None:
    publish_exchanges(tmp_path, {**TABLES_OF_DATA, "mart.exchange_flows": TABLES_OF_DATA["mart.exchange_flows"][:1]})
    second = ask(tmp_path, "exchange-dominance")["exchanges"][1]
    assert (second["exchange_id"], second["volume_24h_btc"], second["trust_score"]) == ("okex", 5_000, None)


@pytest.mark.parametrize("line", ["exchange-flows", "exchange-netflow gdax", "whale-movements"])
def test_what_people_read_keeps_inflow_and_outflow_for_measured_money(folder: Path, line: str) -> None:
    """One screen said that an exchange had an inflow, by its volume, and an outflow, by its reserves."""
    shown = invoke(folder, f"{line} --format table").stdout
    assert not {"inflow", "outflow", "accumulation", "distribution"} & set(shown.split())


def test_volume_is_up_or_down_and_the_documents_word_stays_in_json(folder: Path) -> None:
    body = ask(folder, "exchange-flows 4")
    words = [(row["flow_direction"], row["volume_direction"]) for row in body["exchanges"]]
    assert words == [("inflow", "up"), ("stable", "stable"), (None, None), (None, None)]
    assert "  up  " in invoke(folder, "exchange-flows --format table").stdout


def test_dominance_is_over_all_that_are_measured(folder: Path) -> None:
    body = ask(folder, "exchange-dominance")
    assert [row["market_dominance_pct"] for row in body["exchanges"]] == [50, 25]
    metrics = body["concentration_metrics"]
    # 50^2 + 25^2 + 20^2 + 5^2, though two are shown
    assert metrics["hhi_index"] == 3_550
    assert (metrics["hhi_lower_bound"], metrics["hhi_upper_bound"]) == (3_409.42, 3_413.42)
    assert body["interpretation"]["concentration"] == "highly_concentrated"
    assert body["interpretation"]["risk_assessment"].startswith("HIGH systemic risk (heuristic)")
    assert [(row["measure"], row["hhi_index"]) for row in body["concentration_by_measure"]] == [
        ("reserves", 4_921.875),
        ("spot_volume", 3_550),
    ]


def test_a_change_of_concentration_is_over_the_exchanges_measured_on_both_days_and_names_the_others(
    folder: Path,
) -> None:
    """ "HHI change over 30 days: -1,812" was between two exchanges and three."""
    body = ask(folder, "exchange-dominance")
    metrics = body["concentration_metrics"]
    assert (metrics["n_compared"], metrics["hhi_30d_ago"], metrics["hhi_change_30d"]) == (2, 5_200, 355.56)
    left_out = [row["exchange_id"] for row in body["coverage"]["not_compared"]]
    assert left_out == ["closed", "gdax", "uniswap_v3"]
    assert [row["exchange_id"] for row in body["coverage"]["outside_the_fixed_set"]] == ["closed", "gdax"]
    shown = " ".join(invoke(folder, "exchange-dominance --format table").output.split())
    assert "HHI change over 30 days: 356 among the 2 exchanges measured on both days" in shown
    assert "not measured on both days: Closed Exchange, Coinbase Exchange, Uniswap V3." in shown
    assert "followed over time, as charts do: Closed Exchange, Coinbase Exchange." in shown


def test_dominance_of_reserves_claims_no_bounds(folder: Path) -> None:
    body = ask(folder, "exchange-dominance --measure reserves")
    assert (body["segment"], body["concentration_metrics"]["hhi_upper_bound"]) == ("centralised", None)
    first = body["exchanges"][0]
    assert (first["value"], first["value_unit"], first["volume_24h_btc"]) == (10e9, "USD", 10_000)


def test_a_segment_without_figures_says_which_there_are(folder: Path) -> None:
    caught = fault(folder, "exchange-dominance --measure reserves --segment decentralised")
    assert isinstance(caught, UserInputError)
    assert "reserves of centralised, spot_volume of all" in str(caught)


def test_figures_are_rounded_without_noise_and_what_is_not_finite_is_null() -> None:
    body = {"a_usd": 0.1 + 0.2, "b_pct": 100 / 3, "c": float("nan"), "d_usd": float("inf"), "e_pct": -1e-9, "n": 7}
    assert plain({"list": [body]}) == {
        "list": [{"a_usd": 0.3, "b_pct": 33.333333, "c": None, "d_usd": None, "e_pct": 0.0, "n": 7}]
    }
    assert str(plain(-1e-9)) == "0.0", "never -0.0"
    assert plain(1_234.567, "price_usd") == 1_234.57


@pytest.mark.slow
def test_an_hour_without_whale_candidates_is_an_answer(tmp_path: Path) -> None:
    publish_exchanges(tmp_path, {**TABLES_OF_DATA, "mart.whale_signals": []})
    body = ask(tmp_path, "whale-movements")
    assert (body["whale_movements"], body["total_whale_signals"], body["as_of"]) == ([], 0, OBSERVED.isoformat())
