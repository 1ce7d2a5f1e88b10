"""What the fake DefiLlama promises to those who are tested against it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.command_line import running
from marketflows_pipeline_tests.fakes.defillama.market import (
    DAY_S,
    Holding,
    balances,
    daily_s,
    latest_s,
    prices,
    recorded_s,
    to_s,
)
from marketflows_pipeline_tests.fakes.defillama.protocols import Cast, make_cast
from marketflows_pipeline_tests.fakes.defillama.service import NOT_FOUND, UPGRADE, FakeDefiLlama
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.plain_http import plain_client

CAST = make_cast(7, START, days=90, fillers=40)
TODAY = to_s(START) // DAY_S


@pytest.fixture
def llama(clock: FixedClock) -> Iterator[FakeDefiLlama]:
    with FakeDefiLlama(CAST, clock=clock) as running:
        yield running


@pytest.fixture
def web(llama: FakeDefiLlama) -> Iterator[httpx.Client]:
    with plain_client(base_url=llama.url, timeout=60.0) as client:
        yield client


def body(web: httpx.Client, slug: str) -> dict[str, Any]:
    found: dict[str, Any] = web.get(f"/protocol/{slug}").raise_for_status().json()
    return found


def tokens_of_day(array: list[dict[str, Any]], days_ago: int) -> dict[str, float]:
    found: dict[str, float] = next(each["tokens"] for each in array if each["date"] // DAY_S == TODAY - days_ago)
    return found


def exchange(web: httpx.Client, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = web.get("/cexs").json()["cexs"]
    return next(row for row in rows if row["name"] == name)


def test_the_same_seed_makes_the_same_cast() -> None:
    assert make_cast(7, START, days=90, fillers=40) == CAST
    assert make_cast(8, START, days=90, fillers=40) != CAST


def test_a_record_is_written_some_minutes_after_its_hour_and_the_first_is_the_days() -> None:
    hours = np.arange(490_000, 490_100)

    minutes = (recorded_s(hours) - hours * 3600) / 60

    assert 1 <= minutes.min() < minutes.max() <= 7
    assert daily_s(0, 3 * DAY_S).tolist() == recorded_s(np.array([0, 24, 48])).tolist()


def test_past_days_stay_as_they_are_while_now_moves_on(llama: FakeDefiLlama, web: httpx.Client) -> None:
    earlier = body(web, "okx")
    clock = llama.clock
    assert isinstance(clock, FixedClock)

    clock.set(START + timedelta(hours=3))
    later = body(web, "okx")
    clock.set(START + timedelta(days=2))
    days_later = body(web, "okx")

    for array in ("tvl", "tokens", "tokensInUsd"):
        assert later[array][:-1] == earlier[array][:-1]
        assert later[array][-1]["date"] == earlier[array][-1]["date"] + 3 * 3600 + _shift(earlier, later, array)
        assert days_later[array][: len(earlier[array]) - 1] == earlier[array][:-1]
        assert len(days_later[array]) == len(earlier[array]) + 2


def _shift(earlier: dict[str, Any], later: dict[str, Any], array: str) -> int:
    """Minutes after the hour differ from hour to hour."""
    return later[array][-1]["date"] % 3600 - earlier[array][-1]["date"] % 3600  # type: ignore[no-any-return]


def test_the_last_element_is_now_unless_the_day_has_only_begun(llama: FakeDefiLlama, web: httpx.Client) -> None:
    assert body(web, "okx")["tvl"][-1]["date"] == latest_s(to_s(START))
    clock = llama.clock
    assert isinstance(clock, FixedClock)

    clock.set((START + timedelta(days=1)).replace(hour=0, minute=30))
    dates = [point["date"] for point in body(web, "okx")["tvl"]]

    assert [date // DAY_S for date in dates[-2:]] == [TODAY, TODAY + 1]
    assert dates[-1] % DAY_S < 600


@pytest.mark.slow
def test_all_endpoints_agree_on_what_is_held_now(web: httpx.Client) -> None:
    total = web.get("/tvl/kraken").json()
    row = next(row for row in web.get("/protocols").json() if row["slug"] == "kraken")
    whole = body(web, "kraken")

    assert isinstance(total, float)
    assert exchange(web, "Kraken")["currentTvl"] == pytest.approx(total)
    assert row["tvl"] == pytest.approx(total)
    assert whole["tvl"][-1]["totalLiquidityUSD"] == pytest.approx(total)
    assert sum(whole["tokensInUsd"][-1]["tokens"].values()) == pytest.approx(total)
    assert sum(whole["currentChainTvls"].values()) == pytest.approx(total)


def test_a_value_is_quantity_times_price(web: httpx.Client) -> None:
    whole = body(web, "gemini")
    point, usd = whole["tokens"][40], whole["tokensInUsd"][40]
    names = list(point["tokens"])

    at_the_time = prices(names, np.array([point["date"]]))[0].tolist()

    for name, price in zip(names, at_the_time, strict=True):
        assert usd["tokens"][name] == pytest.approx(point["tokens"][name] * price)


@pytest.mark.slow
def test_where_quantities_stand_still_only_prices_move_the_total(web: httpx.Client) -> None:
    whole = body(web, "deribit")

    assert len({json_key(point["tokens"]) for point in whole["tokens"]}) == 1
    assert len({point["totalLiquidityUSD"] for point in whole["tvl"]}) == len(whole["tvl"])
    assert {exchange(web, "Deribit")[key] for key in ("inflows_24h", "inflows_1w", "inflows_1m")} == {0.0}


def json_key(tokens: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(tokens.items()))


def test_inflows_are_what_the_token_quantities_say(web: httpx.Client) -> None:
    whole = body(web, "gemini")
    now_s = latest_s(to_s(START))
    gemini = CAST.protocol("gemini")
    assert gemini
    before = balances(gemini.holdings, np.array([now_s - DAY_S])).by_token()
    names, now, now_usd = balances(gemini.holdings, np.array([now_s])).by_token()

    flow = 0.0
    for at, name in enumerate(names):
        was, was_usd = before[1][0, at], before[2][0, at]
        price = was_usd / was if was_usd > now_usd[0, at] else now_usd[0, at] / now[0, at]
        flow += (now[0, at] - was) * price
        assert whole["tokens"][-1]["tokens"][name] == pytest.approx(now[0, at])

    assert exchange(web, "Gemini")["inflows_24h"] == pytest.approx(flow)
    assert flow != 0


def test_a_token_comes_and_another_goes(web: httpx.Client) -> None:
    tokens = body(web, "bybit")["tokens"]

    assert ("PEPE" in tokens_of_day(tokens, 31), "PEPE" in tokens_of_day(tokens, 29)) == (False, True)
    assert ("SHIB" in tokens_of_day(tokens, 16), "SHIB" in tokens_of_day(tokens, 14)) == (True, False)


def test_a_token_gets_another_name_and_its_quantity_goes_on(web: httpx.Client) -> None:
    tokens = body(web, "okx")["tokens"]
    before, after = tokens_of_day(tokens, 46), tokens_of_day(tokens, 44)

    assert ("ETH" in before, "WETH" in before) == (False, True)
    assert ("ETH" in after, "WETH" in after) == (True, False)
    assert after["ETH"] == pytest.approx(before["WETH"], rel=0.1)


def test_wallets_of_the_own_token_are_labelled_anew(web: httpx.Client) -> None:
    tokens = body(web, "binance-cex")["tokens"]

    assert tokens_of_day(tokens, 19)["BNB"] / tokens_of_day(tokens, 21)["BNB"] == pytest.approx(0.4, rel=0.1)
    assert exchange(web, "Binance")["coinSymbol"] == "BNB"


def test_chains_are_added_in_the_middle_of_a_history(web: httpx.Client) -> None:
    whole = body(web, "kraken")

    first_day = {name: TODAY - chain["tvl"][0]["date"] // DAY_S for name, chain in whole["chainTvls"].items()}
    assert (first_day["Bitcoin"], first_day["Arbitrum"], first_day["Polygon"]) == (89, 60, 25)
    usdc = [tokens_of_day(whole["tokens"], days_ago)["USDC"] for days_ago in (61, 60)]
    assert usdc[1] - usdc[0] == pytest.approx(3e8, rel=0.1)
    assert set(whole["chains"]) == set(whole["chainTvls"])


def test_what_is_staked_is_a_part_that_does_not_count(web: httpx.Client) -> None:
    whole = body(web, "uniswap-v2")

    assert {"Ethereum-staking", "staking"} <= set(whole["chainTvls"])
    assert not {"Ethereum-staking", "staking"} & set(whole["chains"])
    counted = sum(usd for chain, usd in whole["currentChainTvls"].items() if "staking" not in chain)
    assert whole["tvl"][-1]["totalLiquidityUSD"] == pytest.approx(counted)
    assert web.get("/tvl/uniswap-v2").json() == pytest.approx(counted)


def test_arrays_lack_different_days(web: httpx.Client) -> None:
    whole = body(web, "kucoin")
    dates = {array: {point["date"] for point in whole[array]} for array in ("tvl", "tokens", "tokensInUsd")}

    assert dates["tokens"] != dates["tokensInUsd"]
    assert dates["tvl"] - dates["tokens"]
    assert min(dates["tokens"]) > min(dates["tvl"])


def test_some_exchanges_are_not_broken_down(web: httpx.Client) -> None:
    nulls, misrepresented = body(web, "bitmex"), body(web, "bitkub")

    assert (nulls["tokens"], nulls["tokensInUsd"]) == (None, None)
    assert (misrepresented["tokens"], misrepresented["tokensInUsd"]) == ([], [])
    assert misrepresented["misrepresentedTokens"] is True
    assert nulls["tvl"]
    assert misrepresented["tvl"]


def test_figures_that_are_not_measured_are_absent_or_null_beside_a_zero_that_means_nothing(web: httpx.Client) -> None:
    coinbase, upbit, kraken = (exchange(web, name) for name in ("Coinbase", "Upbit", "Kraken"))

    assert coinbase["slug"] is None
    assert "slug" not in upbit
    assert coinbase["inflows_24h"] is None
    assert "inflows_24h" not in upbit
    assert {row["tvl"] for row in (coinbase, upbit, kraken)} == {0}
    assert kraken["currentTvl"] > 1e9
    assert not {"date", "timestamp", "updatedAt"} & set(web.get("/cexs").json())


@pytest.mark.slow
def test_inflows_of_an_exchange_can_be_hidden(llama: FakeDefiLlama, web: httpx.Client) -> None:
    assert "inflows_24h" in exchange(web, "Binance")

    llama.hidden_inflows = {"Binance"}

    binance = exchange(web, "Binance")
    assert "inflows_24h" not in binance
    assert binance["cleanAssetsTvl"] < binance["currentTvl"]


def test_the_list_of_ids_misspells_one_as_the_service_does(web: httpx.Client) -> None:
    assert exchange(web, "Bybit")["cgId"] == "bybit_spot"
    assert "bybit-spot" in web.get("/cexs").json()["cg_volume_cexs"]


def test_protocols_are_of_many_kinds_the_largest_first(web: httpx.Client) -> None:
    rows = web.get("/protocols").json()
    totals = [row["tvl"] for row in rows if row["tvl"] is not None]

    assert {"CEX", "Dexs", "Bridge", "Lending", None} <= {row["category"] for row in rows}
    assert totals == sorted(totals, reverse=True)
    assert [row["tvl"] for row in rows[len(totals) :]] == [None] * (len(rows) - len(totals)) != []
    assert next(row["name"] for row in rows if row["slug"] == "binance-cex") == "Binance CEX"


@pytest.mark.parametrize("slug", ["Binance-CEX", "binance-cex", "Binance%20CEX"])
def test_a_slug_is_the_same_in_any_case(web: httpx.Client, slug: str) -> None:
    assert body(web, slug)["name"] == "Binance CEX"


@pytest.mark.parametrize("path", ["/protocol/coinbase", "/tvl/coinbase"])
def test_an_unknown_protocol_is_a_line_of_text_under_400(web: httpx.Client, path: str) -> None:
    answer = web.get(path)

    assert (answer.status_code, answer.text) == (400, NOT_FOUND)
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/inflows/okx/1789344000", "/emissions", "/treasuries", "/overview/derivatives"])
def test_what_costs_is_a_line_of_text_under_402(web: httpx.Client, path: str) -> None:
    answer = web.get(path)

    assert (answer.status_code, answer.text) == (402, UPGRADE)


def test_answers_say_how_long_they_hold(web: httpx.Client) -> None:
    assert web.get("/cexs").headers["cache-control"] == "public, max-age=600"
    assert web.get("/protocol/okx").headers["expires"] == "Fri, 18 Sep 2026 04:20:00 GMT"


@pytest.mark.slow
def test_an_answer_can_be_grown_to_more_than_40_mb_and_compressed(clock: FixedClock) -> None:
    cast = make_cast(7, START, days=30, fillers=0, grown="binance-cex")

    with FakeDefiLlama(cast, clock=clock, is_compressed=True) as service:
        answer = httpx.get(f"{service.url}/protocol/binance-cex", timeout=60.0)

    assert answer.headers["content-encoding"] == "gzip"
    assert 40e6 < len(answer.content) < 44e6
    assert answer.num_bytes_downloaded < len(answer.content) / 2
    assert len(answer.json()["tokens"][0]["tokens"]) == 250


@pytest.mark.slow
def test_it_runs_as_a_program() -> None:
    with running("defillama", "--protocols", "3", "--days", "5") as url:
        assert len(httpx.get(f"{url}/protocol/okx").json()["tvl"]) == 6
        httpx.post(f"{url}/__clock", json={"advance_seconds": DAY_S})
        assert len(httpx.get(f"{url}/protocol/okx").json()["tvl"]) == 7


def test_a_cast_knows_its_protocols_by_slug() -> None:
    assert isinstance(CAST, Cast)
    found = CAST.protocol("BYBIT")
    assert found
    assert found.name == "Bybit"
    assert CAST.protocol("nobody") is None
    assert all(isinstance(held, Holding) for held in found.holdings)
