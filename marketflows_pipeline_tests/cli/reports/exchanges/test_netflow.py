"""`exchange-netflow`: sums that can be worked out by hand, the guess beside them, and which exchange is meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import OBSERVED, TABLES_OF_DATA, publish_exchanges

pytestmark = pytest.mark.usefixtures("clock")


def test_a_netflow_is_summed_over_the_days_that_have_one(folder: Path) -> None:
    body = ask(folder, "exchange-netflow binance")
    # 100 - 30, -50 + 20, 10 - 205, 60 - 215 million
    assert body["netflow_mid_usd"] == 70e6
    assert body["price_effect_mid_usd"] == -30e6
    assert body["left_out_usd"] == -195e6
    assert body["tvl_change_usd"] == -155e6
    assert body["netflow_mid_usd"] + body["price_effect_mid_usd"] + body["left_out_usd"] == body["tvl_change_usd"]
    assert body["left_out"] == {
        "new_usd": 10e6,
        "vanished_usd": -200e6,
        "dust_usd": -5e6,
        "absurd_usd": None,
        "own_token_usd": None,
        "unpriced_usd": None,
        "negative_usd": None,
        "quarantined_usd": None,
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
    assert (body["netflow_mid_usd"], body["net_flow_direction"]) == (netflow_usd, direction)
    assert (body["netflow_reason"] is None) == (netflow_usd is not None)


@pytest.mark.slow
def test_the_flow_shown_is_at_the_mean_of_both_days_prices_and_that_at_one_price_stays_beside_it(folder: Path) -> None:
    """111 bitcoins in read as 11.10 M, 112 as 10.08 M: the price of the larger value jumps."""
    body = ask(folder, "exchange-netflow binance")
    # 104 - 29 and -54 + 19 million: the same change of value, parted otherwise.
    assert (body["netflow_usd"], body["price_effect_usd"]) == (75e6, -35e6)
    assert (body["daily"][1]["netflow_mid_usd"], body["daily"][1]["netflow_usd"]) == (100e6, 104e6)
    shown = " ".join(invoke(folder, "exchange-netflow binance --format table").output.split())
    assert "2026-11-18 100.0 -50.0 10.0" in shown
    assert "Net flow: 70.0 M USD, 0.70 % of the reserves: inflow; price effect -30.0 M USD" in shown


@pytest.mark.slow
def test_the_documents_signal_stays_beside_it_and_is_called_a_heuristic(folder: Path) -> None:
    body = ask(folder, "exchange-netflow binance")
    # Recent (500 + 600 + 700) / 3 = 600 against (100 + 200 + 300 + 400) / 4 = 250
    assert (body["volume_trend"], body["volume_change_pct"], body["data_points"]) == ("increasing", 140, 7)
    assert body["net_flow_signal"] == "strong_inflow"
    assert body["net_flow_signal_basis"] == "heuristic: trust score and volume trend, not money"
    assert "may" in body["interpretation"]
    shown = " ".join(invoke(folder, "exchange-netflow binance --format table").output.split())
    assert "trend over 7 days: up (140.0 %)" in shown
    assert "Trust score and volume, no measure of money: volume up, well trusted" in shown
    assert "strong_inflow" not in shown


def test_what_is_left_out_is_said_net_and_gross(folder: Path) -> None:
    """30 M that vanished and 30 M that were new read as nothing left out."""
    body = ask(folder, "exchange-netflow binance")
    assert (body["left_out_usd"], body["left_out_gross_usd"]) == (-195e6, 235e6)
    assert body["daily"][-2]["left_out_gross_usd"] == 225e6
    shown = invoke(folder, "exchange-netflow binance --format table").output
    assert "left out -195.0 M USD net, 235.0 M USD gross" in " ".join(shown.split())


def test_a_large_new_token_is_warned_about_as_one_that_vanished_is(folder: Path) -> None:
    """A third of the reserves appeared without a word, and 60 % that moved the day before left coverage at 100 %."""
    body = ask(folder, "exchange-netflow binance")
    assert body["coverage"]["warnings"][1] == (
        "2026-11-19: ZYX worth 30.0 % of the reserves is new; it is left out, and may be a deposit, a new name or a "
        "new label"
    )
    assert (body["daily"][2]["coverage_pct"], body["daily"][2]["coverage_before_pct"]) == (85, 40)


def test_tokens_without_a_price_are_warned_about(folder: Path) -> None:
    """A net flow of what has a price read as calm, while a part of the reserves stood at 0 USD."""
    warnings = ask(folder, "exchange-netflow binance")["coverage"]["warnings"]
    assert "2026-11-19: 7 tokens without a price are left out; the net flow is of the 40 kept ones alone" in warnings


def test_tokens_on_another_basis_and_quarantined_ones_are_warned_about(folder: Path) -> None:
    """A redenomination read as an inflow of 49.95 M; its flow of 0 must not read as calm."""
    warnings = ask(folder, "exchange-netflow binance")["coverage"]["warnings"]
    assert "2026-11-19: 1 token is counted on another basis than before, as after a redenomination: no flow" in warnings
    assert warnings[-1].startswith(
        "2026-11-19: 1 token with a quarantined record (see `marketflows quarantine list`) is"
    )


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_records_that_lag_though_they_were_asked_for_are_stale(tmp_path: Path) -> None:
    days_ago = timedelta(days=4)
    lagging = [
        {**row, "day": row["day"] - days_ago, "ts": row["ts"] - days_ago}
        for row in TABLES_OF_DATA["mart.exchange_netflow"]
    ]
    publish_exchanges(tmp_path, {**TABLES_OF_DATA, "mart.exchange_netflow": lagging})
    body = ask(tmp_path, "exchange-netflow binance")
    assert (body["as_of"], body["data_day"], body["stale"]) == ("2026-11-20T08:00:00+00:00", "2026-11-16", True)
