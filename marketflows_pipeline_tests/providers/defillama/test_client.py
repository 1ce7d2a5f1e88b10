"""The provider against a DefiLlama of our own, on a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    NotFoundError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.defillama.client import BASE_URL, DefiLlama
from marketflows_pipeline.providers.protocols.exchanges import (
    CEX_SCHEMA,
    CEX_TVL_SCHEMA,
    PROTOCOL_SCHEMA,
    TOKEN_BALANCE_SCHEMA,
    ReservesProvider,
)
from marketflows_pipeline_tests.examples import one_quick
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.defillama.protocols import Cast, make_cast
from marketflows_pipeline_tests.fakes.defillama.service import NOT_FOUND, UPGRADE, FakeDefiLlama
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.providers.impatience import ImpatientOnce
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

Ask: TypeAlias = Callable[[DefiLlama, Path], object]

CEXS, PROTOCOLS, PROTOCOL = "/cexs", "/protocols", "/protocol/{slug}"
QUESTIONS: dict[str, Ask] = {
    CEXS: lambda client, _: client.cexs().exchanges,
    PROTOCOLS: lambda client, _: client.exchange_protocols(),
    PROTOCOL: lambda client, folder: client.reserves_history("okx", folder).balances,
}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast(7, START, days=90, fillers=40)


@pytest.fixture
def llama(cast: Cast, clock: FixedClock) -> Iterator[FakeDefiLlama]:
    with FakeDefiLlama(cast, clock=clock) as running:
        yield running


@pytest.fixture
def asking(llama: FakeDefiLlama, clock: FixedClock, ledger: MemoryLedger) -> Iterator[DefiLlama]:
    with DefiLlama(clock=clock, ledger=ledger, base_url=llama.url, timeout=60.0) as client:
        yield client


def targets(llama: FakeServer) -> list[str]:
    return [exchange.request.target for exchange in llama.exchanges]


def test_it_is_a_provider_of_reserves(asking: DefiLlama) -> None:
    provider: ReservesProvider = asking

    assert provider.name == "defillama"
    assert BASE_URL == "https://api.llama.fi"


def test_the_overview_has_every_exchange_once(asking: DefiLlama) -> None:
    overview = asking.cexs()

    assert overview.exchanges.schema == CEX_SCHEMA
    assert overview.exchanges["name"].is_unique().all()
    assert {"gdax", "binance", "bybit_spot"} <= set(overview.centralised_ids)


def test_an_exchange_that_is_not_measured_has_no_figures_and_none_of_them_is_zero(asking: DefiLlama) -> None:
    exchanges = asking.cexs().exchanges
    figures = ["slug", "current_tvl_usd", "clean_assets_tvl_usd", "inflows_24h_usd", "inflows_1w_usd", "inflows_1m_usd"]

    for name in ("Coinbase", "Upbit", "NEXO"):
        assert exchanges.filter(name=name).select(figures).row(0) == (None,) * len(figures)
    binance = exchanges.filter(name="Binance")
    assert binance["slug"].item() == "binance-cex"
    assert binance["current_tvl_usd"].item() > binance["clean_assets_tvl_usd"].item() > 1e10


def test_inflows_that_the_service_hides_are_null(asking: DefiLlama, llama: FakeDefiLlama) -> None:
    llama.hidden_inflows = {"Binance"}

    exchanges = asking.cexs().exchanges

    nulls = exchanges.filter(pl.col("inflows_24h_usd").is_null() & pl.col("current_tvl_usd").is_not_null())
    assert set(nulls["name"]) == {"Binance", "Bitmex", "Bitkub"}


def test_protocols_are_those_of_two_categories(asking: DefiLlama) -> None:
    protocols = asking.exchange_protocols()

    assert protocols.schema == PROTOCOL_SCHEMA
    assert set(protocols["category"]) == {"CEX", "Dexs"}
    assert protocols["tvl_usd"].drop_nulls().is_sorted(descending=True)
    assert protocols.filter(slug="yet-unmeasured-swap")["tvl_usd"].to_list() == [None]
    assert protocols.filter(slug="uniswap-v3").select("symbol", "parent_protocol", "chains").row(0) == (
        "UNI",
        "parent#uniswap",
        "Ethereum,Arbitrum",
    )


def test_reserves_are_days_and_the_moment_of_asking(asking: DefiLlama, tmp_path: Path) -> None:
    history = asking.reserves_history("okx", tmp_path)

    assert history.tvl.schema == CEX_TVL_SCHEMA
    assert history.balances.schema == TOKEN_BALANCE_SCHEMA
    # From 04:00 to 04:00 there are 90 midnights; and now.
    assert history.tvl["is_now"].to_list() == [False] * 90 + [True]
    assert START - timedelta(hours=2) < history.tvl["ts"][-1] <= START
    days = history.tvl.filter(~pl.col("is_now"))["ts"]
    assert (days - days.dt.truncate("1d") < timedelta(minutes=10)).all()


def test_tokens_add_up_to_the_total(asking: DefiLlama, tmp_path: Path) -> None:
    history = asking.reserves_history("kraken", tmp_path)

    sums = history.balances.group_by("ts").agg(pl.col("value_usd").sum())
    both = history.tvl.join(sums, on="ts")
    assert both.height == history.tvl.height
    assert ((both["value_usd"] / both["tvl_usd"] - 1).abs() < 1e-9).all()


def test_a_slug_in_any_case_is_the_same_exchange(asking: DefiLlama, llama: FakeDefiLlama, tmp_path: Path) -> None:
    history = asking.reserves_history("Binance-CEX", tmp_path)

    assert set(history.tvl["slug"]) == {"binance-cex"}
    assert targets(llama) == ["/protocol/binance-cex"]


@pytest.mark.parametrize("slug", ["bitmex", "bitkub"])
def test_an_exchange_that_is_not_broken_down_has_totals_only(asking: DefiLlama, tmp_path: Path, slug: str) -> None:
    history = asking.reserves_history(slug, tmp_path)

    assert history.tvl.height == 91
    assert history.balances.is_empty()


def test_days_that_one_array_lacks_are_null_there(asking: DefiLlama, tmp_path: Path) -> None:
    history = asking.reserves_history("kucoin", tmp_path)

    nulls = history.balances.select(pl.col("quantity", "value_usd").null_count()).row(0)
    assert nulls > (0, 0)
    assert history.balances["ts"].min() > history.tvl["ts"].min()  # type: ignore[operator]
    assert not history.balances.select(pl.all_horizontal(pl.col("quantity", "value_usd").is_null()).any()).item()


def test_the_folder_is_made_and_left_empty(asking: DefiLlama, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"

    asking.reserves_history("okx", folder)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("endpoint", one_quick(QUESTIONS))
@pytest.mark.parametrize(
    "refused",
    [
        (faults.plain_text(402, UPGRADE), PlanLimitError),
        (faults.plain_text(400, NOT_FOUND), NotFoundError),
        (faults.plain_text(404, NOT_FOUND), NotFoundError),
        (faults.plain_text(400, "No data"), NotFoundError),
        (faults.html(403), UnexpectedResponseError),
        (faults.redirect("https://elsewhere.example/"), UnexpectedResponseError),
    ],
    ids=["402", "400", "404", "400 no data", "403", "302"],
)
def test_a_refusal_is_not_asked_again(
    asking: DefiLlama,
    llama: FakeDefiLlama,
    tmp_path: Path,
    endpoint: str,
    refused: tuple[faults.Fault, type[ProviderError]],
) -> None:
    fault, kind = refused
    llama.script(endpoint, fault)

    with pytest.raises(ProviderError) as refusal:
        QUESTIONS[endpoint](asking, tmp_path)

    assert type(refusal.value) is kind
    assert llama.calls() == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_exchange_is_not_found(asking: DefiLlama, llama: FakeDefiLlama, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="/protocol/coinbase: HTTP 400, Protocol not found"):
        asking.reserves_history("coinbase", tmp_path)

    assert llama.calls() == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("endpoint", QUESTIONS)
def test_what_may_pass_is_asked_again_until_it_is_answered(
    asking: DefiLlama, llama: FakeDefiLlama, clock: FixedClock, tmp_path: Path, endpoint: str
) -> None:
    spoilt = (
        faults.reset(),
        faults.cut_off(),
        faults.html(200),
        faults.empty(),
        faults.plain_text(500, "Internal server error"),
        faults.html(429, {"retry-after": "30"}),
        faults.html(503),
    )
    llama.script(endpoint, *spoilt)

    frame = QUESTIONS[endpoint](asking, tmp_path)

    assert isinstance(frame, pl.DataFrame)
    assert not frame.is_empty()
    assert llama.calls(endpoint) == len(spoilt) + 1
    assert clock.now() > START + timedelta(seconds=30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("endpoint", [CEXS, PROTOCOLS])
def test_half_an_answer_is_asked_again(asking: DefiLlama, llama: FakeDefiLlama, tmp_path: Path, endpoint: str) -> None:
    llama.script(endpoint, faults.truncated(), faults.truncated())

    QUESTIONS[endpoint](asking, tmp_path)

    assert llama.calls(endpoint) == 3


@pytest.mark.parametrize("endpoint", [CEXS, PROTOCOLS])
def test_an_error_text_under_success_is_told_by_what_it_says(
    asking: DefiLlama, llama: FakeDefiLlama, tmp_path: Path, endpoint: str
) -> None:
    llama.script(endpoint, faults.plain_text(200, UPGRADE))

    with pytest.raises(PlanLimitError, match="only a paid plan"):
        QUESTIONS[endpoint](asking, tmp_path)
    assert llama.calls() == 1


@pytest.mark.parametrize("endpoint", QUESTIONS)
def test_an_answer_that_stalls_is_asked_again(
    llama: FakeDefiLlama, clock: FixedClock, ledger: MemoryLedger, tmp_path: Path, endpoint: str
) -> None:
    llama.script(endpoint, faults.stalled())

    with DefiLlama(clock=clock, ledger=ledger, base_url=llama.url, transport=ImpatientOnce()) as client:
        QUESTIONS[endpoint](client, tmp_path)

    assert llama.calls(endpoint) == 2


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", one_quick(QUESTIONS))
@pytest.mark.parametrize("fault", [faults.plain_text(500, "Internal server error"), faults.reset(), faults.cut_off()])
def test_a_service_that_stays_down_is_given_up_and_nothing_is_left(
    asking: DefiLlama, llama: FakeDefiLlama, tmp_path: Path, endpoint: str, fault: faults.Fault
) -> None:
    llama.script(endpoint, *[fault] * 30)

    with pytest.raises(TransientProviderError, match="given up after"):
        QUESTIONS[endpoint](asking, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [{"message": "hello"}, {"tvl": [{"date": "today"}]}, {"tvl": [], "tokens": [{"date": 1, "tokens": [1]}]}, []],
)
def test_reserves_of_another_shape_are_a_bad_answer_and_leave_nothing(
    asking: DefiLlama, llama: FakeDefiLlama, tmp_path: Path, body: object
) -> None:
    llama.script(PROTOCOL, faults.json_error(200, body))

    with pytest.raises(UnexpectedResponseError, match=r"/protocol/okx: a response of an unexpected shape: .+") as fault:
        asking.reserves_history("okx", tmp_path)

    assert "\n" not in str(fault.value)
    assert llama.calls() == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_answers_may_come_compressed(cast: Cast, clock: FixedClock, ledger: MemoryLedger, tmp_path: Path) -> None:
    with (
        FakeDefiLlama(cast, clock=clock, is_compressed=True) as llama,
        DefiLlama(clock=clock, ledger=ledger, base_url=llama.url, timeout=60.0) as client,
    ):
        llama.script(PROTOCOL, faults.truncated())

        assert client.reserves_history("okx", tmp_path).tvl.height == 91
        assert client.cexs().exchanges.height == len(cast.exchanges)
        assert llama.calls(PROTOCOL) == 2


@pytest.mark.slow
def test_the_largest_answer_is_read_whole_or_asked_again(
    clock: FixedClock, ledger: MemoryLedger, tmp_path: Path
) -> None:
    cast = make_cast(7, START, days=30, fillers=0, grown="binance-cex")
    with (
        FakeDefiLlama(cast, clock=clock) as llama,
        DefiLlama(clock=clock, ledger=ledger, base_url=llama.url, timeout=60.0) as client,
    ):
        llama.script(PROTOCOL, faults.cut_off(), faults.truncated())

        history = client.reserves_history("binance-cex", tmp_path)

        assert llama.calls() == 3
    # 1,400 midnights and now, with 250 tokens each.
    assert history.tvl.height == 1401
    assert history.balances.height == 1401 * 250
    assert history.balances.null_count().row(0) == (0,) * 6
    assert list(tmp_path.iterdir()) == []


def test_every_attempt_is_on_record_under_its_endpoint(
    asking: DefiLlama, llama: FakeDefiLlama, ledger: MemoryLedger, tmp_path: Path
) -> None:
    llama.script(PROTOCOL, faults.html(503))

    asking.reserves_history("okx", tmp_path)
    asking.cexs()

    calls: list[Any] = list(ledger.calls)
    assert [(call.provider, call.endpoint) for call in calls] == [
        ("defillama", PROTOCOL),
        ("defillama", PROTOCOL),
        ("defillama", CEXS),
    ]


def test_calls_are_rate_limited(
    monkeypatch: pytest.MonkeyPatch, llama: FakeDefiLlama, clock: FixedClock, ledger: MemoryLedger
) -> None:
    monkeypatch.setattr(DefiLlama, "calls_per_minute", 5)
    with DefiLlama(clock=clock, ledger=ledger, base_url=llama.url) as client:
        for _ in range(11):
            client.cexs()

    assert clock.now() - START >= timedelta(minutes=2)
