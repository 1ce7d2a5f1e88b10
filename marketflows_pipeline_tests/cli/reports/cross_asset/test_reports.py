"""What the cross-asset commands answer: figures that can be worked out by hand, and those of the pipeline's tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.cli.reports.cross_asset.provenance import dollars
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.transforms.cross_asset.flow_map import OUTSIDE
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import (
    CONFIG,
    FLOWS,
    REGIMES,
    TABLES_OF_DATA,
    day,
    flow_maps,
    publish_market,
    rankings,
)

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.usefixtures("clock")

# Both are computed by the same transforms: a stored window, one that is not stored, and one longer than what is.
ANY_DAYS = [1, 4, 100]


def entry(rows: list[dict[str, Any]], symbol: str) -> dict[str, Any]:
    return next(row for row in rows if row["symbol"] == symbol)


def attributed(body: dict[str, Any]) -> dict[str, float]:
    return {row["symbol"]: row["attributed_usd"] for row in body["attributed"]}


def test_flows_are_sums_over_the_last_sessions_ranked_without_issuance(market: Path) -> None:
    body = ask(market, "cross-asset flows --days 3")
    # SPY -200 + 50 - 50, GLD 60 + 30 + 30, TLT 30 + 10, IBIT -50; BTC's 40 is issuance, QQQ's unknown.
    assert [(row["rank"], row["symbol"], row["flow_usd"]) for row in body["flows"]] == [
        (1, "GLD", 120e6),
        (2, "TLT", 40e6),
        (3, "IBIT", -50e6),
        (4, "SPY", -200e6),
        (None, "BTC", 40e6),
        (None, "QQQ", None),
    ]
    assert [(row["rank"], row["symbol"]) for row in body["top_inflows"]] == [(1, "GLD"), (2, "TLT")]
    assert [(row["rank"], row["symbol"]) for row in body["top_outflows"]] == [(1, "SPY"), (2, "IBIT")]
    assert (body["session"], body["first_session"], body["session_before"]) == (
        "2026-11-19",
        "2026-11-17",
        "2026-11-16",
    )


def test_a_flow_stands_beside_price_effect_and_proxies_that_are_called_so(market: Path) -> None:
    spy = entry(ask(market, "cross-asset flows --days 3")["flows"], "SPY")
    # -200 of the 10,000 before; 9,700 - 10,000 = -200 - 100; 99 over 100.
    assert (spy["flow_pct_of_market_cap"], spy["price_effect_usd"]) == (-2, -100e6)
    assert (spy["market_cap_change_proxy_usd"], spy["price_return"]) == (-300e6, -0.01)
    assert (spy["flow_method"], spy["sessions_known"], spy["market_cap_usd"]) == ("shares", 3, 9.7e9)
    assert not [key for key in spy if "market_cap_change" in key and "proxy" not in key]


def test_issuance_is_ranked_where_asked_for(market: Path) -> None:
    flows = ask(market, "cross-asset flows --days 3 --include-issuance")["flows"]
    assert [(row["rank"], row["symbol"]) for row in flows][:3] == [(1, "GLD"), (2, "BTC"), (3, "TLT")]


@pytest.mark.parametrize("days", ANY_DAYS)
def test_flows_of_any_window_are_those_of_the_rankings(market: Path, days: int) -> None:
    found = {row["symbol"]: row for row in ask(market, f"cross-asset flows --days {days}")["flows"]}
    expected = rankings(FLOWS, (days,)).to_dicts()
    assert len(found) == len(expected)
    same = ("name", "asset_class", "flow_method", "sessions_known", "price_effect_usd", "inflow_rank", "outflow_rank")
    for row in expected:
        one = found[row["symbol"]]
        assert {key: one[key] for key in same} == {key: row[key] for key in same}
        assert one["market_cap_change_proxy_usd"] == row["market_cap_change_usd"]
        for key in ("flow_usd", "flow_pct_of_market_cap", "price_return"):
            assert one[key] == pytest.approx(row[key], abs=1e-6), key


@pytest.mark.parametrize("days", ANY_DAYS)
@pytest.mark.parametrize("issuance", [False, True])
@pytest.mark.parametrize("symbol", ["SPY", "GLD", "TLT", "IBIT", "BTC", "QQQ"])
def test_who_gained_agrees_with_the_flow_map(market: Path, symbol: str, days: int, *, issuance: bool) -> None:
    pairs = flow_maps(FLOWS, (days,)).filter(pl.col("includes_issuance") == issuance)
    lost = pairs.filter(pl.col("from_symbol") == symbol).select("to_symbol", "flow_usd")
    gained = pairs.filter(pl.col("to_symbol") == symbol).select("from_symbol", "flow_usd")
    assert lost.is_empty() or gained.is_empty()
    expected = dict([*lost.iter_rows(), *gained.iter_rows()])
    line = f"cross-asset who-gained {symbol} --days {days}{' --include-issuance' if issuance else ''}"
    assert attributed(ask(market, line)) == pytest.approx(expected, abs=0.01)


def test_who_gained_spreads_an_outflow_over_the_inflows(market: Path) -> None:
    body = ask(market, "cross-asset who-gained SPY --days 3")
    assert body["headline"] == "SPY lost $200.0 million over 3 sessions: which assets gained?"
    # 250 out (SPY 200, IBIT 50), 160 in: GLD 200 x 120/250, TLT 200 x 40/250, the rest of 90/250 left.
    assert attributed(body) == {"GLD": 96e6, "TLT": 32e6, OUTSIDE: 72e6}
    assert [row["share_pct"] for row in body["attributed"]] == [48, 16, 36]
    assert [row["rank"] for row in body["attributed"]] == [1, 2, None]
    assert "not observed transfers" in body["caveat"]
    assert body["direction"] == "lost"


def test_issuance_takes_part_where_asked_for(market: Path) -> None:
    body = ask(market, "cross-asset who-gained SPY --days 3 --include-issuance")
    # 200 in: BTC 200 x 40/250; equal inflows go by symbol.
    assert list(attributed(body).items()) == [("GLD", 96e6), ("BTC", 32e6), ("TLT", 32e6), (OUTSIDE, 40e6)]
    assert body["issuance_left_out"] == []
    left_out = ask(market, "cross-asset who-gained SPY --days 3")["issuance_left_out"]
    assert left_out == [{"symbol": "BTC", "issuance_usd": 40e6}]


def test_an_asset_that_gained_has_its_losers_named(market: Path) -> None:
    body = ask(market, "cross-asset who-gained gld --days 3")
    assert body["headline"] == "GLD gained $120.0 million over 3 sessions: which assets lost?"
    # 120 x 200/250 and 120 x 50/250: more went out than in, so all of it has a source.
    assert attributed(body) == {"SPY": 96e6, "IBIT": 24e6}
    assert body["direction"] == "gained"


def test_more_inflow_than_outflow_comes_from_outside(market: Path) -> None:
    # On the 18th and 19th: in GLD 60, TLT 10 and SPY 0 of 50 - 50; nothing flowed out.
    assert attributed(ask(market, "cross-asset who-gained GLD --days 2")) == {OUTSIDE: 60e6}
    flat = ask(market, "cross-asset who-gained SPY --days 2")
    assert (flat["headline"], flat["flow_usd"]) == ("SPY neither lost nor gained over 2 sessions.", 0)
    assert (flat["attributed"], flat["direction"]) == ([], "neither")


def test_equal_sides_leave_nothing_outside(tmp_path: Path) -> None:
    only = {"SPY": -100e6, "GLD": 75e6, "TLT": 25e6}
    flows = [{**row, "flow_usd": only.get(row["symbol"]) if row["session"] == day(19) else None} for row in FLOWS]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows})
    assert attributed(ask(tmp_path, "cross-asset who-gained SPY --days 1")) == {"GLD": 75e6, "TLT": 25e6}


def test_a_sum_of_some_sessions_says_so(market: Path) -> None:
    body = ask(market, "cross-asset who-gained TLT --days 3")
    assert body["headline"] == "TLT gained $40.0 million over 3 sessions (2 known): which assets lost?"
    assert body["coverage"]["partly_known"] == [{"symbol": "TLT", "sessions_known": 2}]


def test_assets_with_an_unknown_flow_are_named_with_the_reason(market: Path) -> None:
    for line in ("cross-asset flows --days 3", "cross-asset who-gained SPY --days 3"):
        unknown = {row["symbol"]: row["why"] for row in ask(market, line)["unknown_flow"]}
        assert list(unknown) == ["QQQ", "SLV"]
        assert unknown["QQQ"] == "no source of its shares outstanding is set, so its price alone is known"
        assert unknown["SLV"] == "none of its prices is published"


def test_a_flow_that_is_late_names_its_last_session(market: Path) -> None:
    unknown = ask(market, "cross-asset flows --days 1")["unknown_flow"]
    why = entry(unknown, "TLT")["why"]
    assert why == (
        "no shares outstanding from blackrock are stored for these sessions; its last known flow is of 2026-11-18"
    )


def test_other_reasons_of_unknown_flows(tmp_path: Path) -> None:
    changed: dict[str, dict[str, Any]] = {
        "IBIT": {"flow_usd": None, "flow_method": "price_only"},
        "BTC": {"flow_usd": None},
    }
    flows = [{**row, **changed.get(row["symbol"], {})} for row in FLOWS]
    flows = [{**row, "is_supply_revision": row["symbol"] == "BTC" and row["session"] == day(18)} for row in flows]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows})
    unknown = ask(tmp_path, "cross-asset flows --days 2")["unknown_flow"]
    assert "counted anew" in entry(unknown, "BTC")["why"]
    assert entry(unknown, "IBIT")["why"].startswith("no shares outstanding from blackrock are stored for two sessions")
    later = ask(tmp_path, "cross-asset flows --days 1")["unknown_flow"]
    assert entry(later, "BTC")["why"].startswith("no market caps of bitcoin from the market-cap part")


def test_an_asset_whose_own_flow_is_unknown_is_answered_with_its_proxies(market: Path) -> None:
    body = ask(market, "cross-asset who-gained QQQ --days 3")
    assert (body["flow_usd"], body["direction"], body["attributed"]) == (None, None, [])
    assert body["flow_why_unknown"].startswith("no source of its shares")
    # 42 over 40; no market cap without shares.
    assert (body["proxy"]["price_return"], body["proxy"]["market_cap_change_proxy_usd"]) == (0.05, None)
    assert "prox" in body["proxy"]["note"]


def test_issuance_of_the_asset_itself_is_no_flow(market: Path) -> None:
    body = ask(market, "cross-asset who-gained BTC --days 3")
    assert (body["flow_usd"], body["issuance_usd"]) == (None, 40e6)
    assert "--include-issuance" in body["headline"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("SPX", "did you mean SPY (S&P 500)"),
        ("gold", "did you mean GLD (Gold (XAU))"),
        ("xau", "did you mean GLD"),
        ("ZZZZZ", "it holds BTC, GLD, IBIT"),
    ],
)
def test_an_unknown_symbol_names_those_spelled_alike(market: Path, wanted: str, said: str) -> None:
    caught = fault(market, f"cross-asset who-gained {wanted}")
    assert isinstance(caught, UserInputError)
    assert said in str(caught)


def test_an_asset_of_the_settings_without_prices_is_no_wrong_symbol(market: Path) -> None:
    caught = fault(market, "cross-asset who-gained SLV")
    assert type(caught) is MarketflowsError
    assert "no cross-asset data of SLV" in str(caught)
    assert "cross-asset who-gained SLV --refresh" in str(caught)


def test_a_window_longer_than_what_is_stored_says_what_there_is(market: Path) -> None:
    body = ask(market, "cross-asset flows")
    assert (body["days"], body["n_sessions"], body["session_before"]) == (21, 6, None)
    # 5 - 100 - 200 + 50 - 50; what was before all sessions is not known.
    spy = entry(body["flows"], "SPY")
    assert (spy["flow_usd"], spy["sessions_known"], spy["flow_pct_of_market_cap"]) == (-295e6, 5, None)
    assert body["stablecoin_issuance"] is None


def test_stablecoins_are_a_series_of_their_own(market: Path) -> None:
    issued = ask(market, "cross-asset flows --days 3")["stablecoin_issuance"]
    # tether 100 + unknown + 50, usd-coin -20 - 30 + 0, on the 17th to the 19th.
    assert issued["issuance_usd"] == 100e6
    assert [(row["coin_id"], row["issuance_usd"], row["days_known"]) for row in issued["coins"]] == [
        ("tether", 150e6, 2),
        ("usd-coin", -50e6, 3),
    ]


def test_without_stablecoins_or_regimes_there_is_none(tmp_path: Path) -> None:
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.stablecoin_issuance": [], "mart.regimes": []})
    body = ask(tmp_path, "cross-asset flows --days 3")
    assert (body["stablecoin_issuance"], body["regime"]) == (None, None)


def test_flows_name_the_regime_of_the_newest_session(market: Path) -> None:
    regime = ask(market, "cross-asset flows --days 3")["regime"]
    assert (regime["session"], regime["regime"], regime["vix"]) == ("2026-11-19", "risk_off", 24)


def test_services_are_named_as_the_stored_rows_name_them(market: Path) -> None:
    source = ask(market, "cross-asset flows --days 3")["source"]
    assert source.startswith("Prices: Yahoo; shares outstanding: BlackRock, SPDR Gold, State Street; VIX")
    assert "CoinGecko" in source
    assert "CoinGecko" not in ask(market, "cross-asset regimes")["source"]


def test_an_asset_that_lags_behind_is_named(tmp_path: Path) -> None:
    flows = [row for row in FLOWS if (row["symbol"], row["session"]) != ("GLD", day(19))]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows})
    behind = ask(tmp_path, "cross-asset flows --days 3")["coverage"]["behind"]
    assert behind == [{"symbol": "GLD", "last_session": "2026-11-18"}]


def test_the_regime_is_dated_from_the_first_session_of_its_run(market: Path) -> None:
    body = ask(market, "cross-asset regimes --days 2")
    assert (body["regime"], body["since"], body["sessions_in_regime"]) == ("risk_off", "2026-11-17", 3)
    assert body["is_seen_to_begin"] is True
    assert (body["vix"], body["vix_percentile"], body["term_structure"], body["ratio_score"]) == (24, 0.9, 1.2, -2)
    assert [row["session"] for row in body["sessions"]] == ["2026-11-18", "2026-11-19"]
    # Six sessions are stored: three risk-off, two mixed, one without a regime.
    assert body["share_over_sessions"] == 6
    assert body["share_of_sessions"] == {"risk_on": 0, "mixed": 0.333333, "risk_off": 0.5, "unknown": 0.166667}


def test_shares_of_regimes_are_over_a_year_of_sessions(tmp_path: Path) -> None:
    first = day(1)
    regimes = [
        {**REGIMES[-1], "session": first - timedelta(days=back), "regime": "risk_on" if back < 63 else "mixed"}
        for back in range(300)
    ]
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.regimes": regimes})
    body = ask(tmp_path, "cross-asset regimes")
    # 63 of 252; the 48 before are left out.
    assert body["share_of_sessions"] == {"risk_on": 0.25, "mixed": 0.75, "risk_off": 0}
    assert (body["share_over_sessions"], body["sessions_in_regime"]) == (252, 63)


def test_a_regime_as_old_as_the_data_may_be_older(tmp_path: Path) -> None:
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.regimes": REGIMES[3:]})
    assert ask(tmp_path, "cross-asset regimes")["is_seen_to_begin"] is False


@pytest.mark.parametrize(
    ("amount", "text"),
    [(-4.236e9, "$4.24 billion"), (200e6, "$200.0 million"), (999.6e6, "$1.00 billion"), (950e3, "$950,000")],
)
def test_amounts_are_said_as_people_say_them(amount: float, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(("days", "flow_usd", "sessions_known"), [(1, 30e6, 1), (2, 30e6, 1), (3, 120e6, 3)])
def test_what_came_over_a_gap_counts_where_the_window_holds_all_of_it(
    tmp_path: Path, days: int, flow_usd: float, sessions_known: int
) -> None:
    """A count that was missing on the 17th once took the flow of the 18th too out of every window."""
    unknown: dict[str, Any] = {"flow_usd": None, "flow_method": "price_only"}
    of_days: dict[object, dict[str, Any]] = {
        day(17): unknown,
        day(18): {**unknown, "gap_flow_usd": 90e6, "gap_sessions": 2, "shares": 1e6},
    }
    flows = [row | (of_days.get(row["session"], {}) if row["symbol"] == "GLD" else {}) for row in FLOWS]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows})

    gold = entry(ask(tmp_path, f"cross-asset flows --days {days}")["flows"], "GLD")
    assert (gold["flow_usd"], gold["sessions_known"], gold["flow_method"]) == (flow_usd, sessions_known, "shares")
    ranked = rankings(flows, (days,)).filter(symbol="GLD")
    assert ranked.select("flow_usd", "sessions_known", "flow_method").row(0) == (flow_usd, sessions_known, "shares")


@pytest.mark.parametrize("days", [1, 2, 5])
def test_flows_go_by_the_session_of_the_orders_up_to_the_last_that_is_known(tmp_path: Path, days: int) -> None:
    """Counts that follow the orders by a session made rankings of the wrong day."""
    lagged = {"share_lag_sessions": 1, "lag_basis": "measured"}
    plain = {"share_lag_sessions": 0, "lag_basis": "unknown"}
    flows = [
        row
        | {"market_cap_usd": 10e9 if row["symbol"] in {"SPY", "TLT"} else None}
        | ({"trade_session": row["previous_session"], **lagged} if row["symbol"] == "SPY" else plain)
        | {"trade_flow_usd": row["flow_usd"]}
        for row in FLOWS
    ]
    for row in flows:
        row.setdefault("trade_session", row["session"])
    ranked = rankings(flows, (days,))
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows, "mart.flow_rankings": ranked.to_dicts()})
    body = ask(tmp_path, f"cross-asset flows --days {days}")

    # SPY's newest count is about the 18th, of which TLT is known too; on the 19th neither is.
    assert body["session"] == "2026-11-18"
    assert entry(body["flows"], "SPY")["flow_usd"] == {1: -50e6, 2: 0.0, 5: -295e6}[days]
    for row in body["flows"]:
        (expected,) = ranked.filter(symbol=row["symbol"]).to_dicts()
        keys = ("flow_usd", "sessions_known", "price_effect_usd", "flow_method", "inflow_rank", "outflow_rank")
        assert {key: row[key] for key in keys} == {key: expected[key] for key in keys}


WITH_ISSUER = CONFIG.replace('source = "none"\nshare_id = ""', 'source = "invesco"\nshare_id = "46090E103"')


def test_a_fund_whose_issuer_has_no_history_waits_for_two_sessions(tmp_path: Path) -> None:
    publish_market(tmp_path, {**TABLES_OF_DATA})
    (tmp_path / "config.toml").write_text(WITH_ISSUER)

    unknown = {asset["symbol"]: asset["why"] for asset in ask(tmp_path, "cross-asset flows --days 3")["unknown_flow"]}
    assert unknown["QQQ"] == (
        "Invesco publishes no history of shares and no two sessions are stored yet, so its price alone is known"
    )


def test_since_when_flows_are_known_is_said_of_an_issuer_without_a_history(tmp_path: Path) -> None:
    """The sum of a month would be that of the two days since the first run, and stood beside whole months."""
    begun = {("QQQ", day(18)): 7e6, ("QQQ", day(19)): -1e6}
    known = {key: {"flow_usd": usd, "flow_method": "shares"} for key, usd in begun.items()}
    flows = [row | known.get((row["symbol"], row["session"]), {}) for row in FLOWS]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows})
    (tmp_path / "config.toml").write_text(WITH_ISSUER)

    body = ask(tmp_path, "cross-asset flows --days 3")
    assert body["coverage"]["known_since"] == [{"symbol": "QQQ", "session": "2026-11-18"}]
    assert entry(body["flows"], "QQQ")["sessions_known"] == 2
    text = invoke(tmp_path, "cross-asset flows --days 3 --format table").stdout
    assert "QQQ: its issuer publishes no history of shares; flows are known since 2026-11-18." in " ".join(text.split())


def test_what_is_doubtful_of_a_flow_is_said(tmp_path: Path) -> None:
    """A count that looks like a split, a third of a fund in a day, a lag that nobody knows: each stood there bare."""
    doubts: dict[object, dict[str, Any]] = {
        "SPY": {"lag_basis": "unknown", "share_lag_sessions": 0},
        "GLD": {"is_large_creation": True},
        "TLT": {"flow_usd": None, "flow_method": "price_only", "flow_unknown_reason": "suspected_split"},
    }
    flows = [row | doubts.get(row["symbol"], {}) for row in FLOWS]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": flows})
    body = ask(tmp_path, "cross-asset flows --days 3")

    assert body["coverage"]["unknown_lag"] == ["SPY"]
    assert body["coverage"]["large_flows"] == [{"symbol": "GLD", "session": "2026-11-19"}]
    why = next(asset["why"] for asset in body["unknown_flow"] if asset["symbol"] == "TLT")
    assert why.startswith("its shares changed on 2026-11-19 as by a split that nobody lists")
