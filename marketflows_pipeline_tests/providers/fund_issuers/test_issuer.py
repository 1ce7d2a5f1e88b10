"""Issuers of funds with whole histories, asked over a real socket for documents in the shapes that were seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, TypeAlias

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.fund_issuers.invesco import Invesco
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.issuers import ISSUERS as ALL
from marketflows_pipeline.providers.fund_issuers.issuers import BlackRock, SpdrGold, StateStreet
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.protocols.cross_asset import SHARES_SCHEMA, SharesProvider
from marketflows_pipeline.transforms.cross_asset.shares import comparable_shares
from marketflows_pipeline_tests.examples import one_quick
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import (
    BOMB,
    Row,
    fund_document,
    gold_archive,
    make_rows,
    navhist,
    split,
    weekdays,
    with_bomb,
    workbook,
)
from marketflows_pipeline_tests.fakes.fund_issuers.service import (
    ARCHIVE,
    FUND_DOCUMENT,
    GBTC,
    HISTO_PRICES,
    NAVHIST,
    OLD_LINK,
    PERFORMANCE,
    VALUATIONS,
    FakeIssuers,
    make_funds,
)
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

# Invesco, whose answer is one row, has tests of its own.
ISSUERS = {issuer.name: issuer for issuer in ALL if issuer is not Invesco}
ENDPOINTS = {
    "ssga": NAVHIST,
    "blackrock": FUND_DOCUMENT,
    "spdr_gold": ARCHIVE,
    "grayscale": PERFORMANCE,
    "twentyone_shares": VALUATIONS,
    "vaneck": HISTO_PRICES,
}
FUNDS = {
    "ssga": ("SPY", "spy"),
    "blackrock": ("IWM", "239710"),
    "spdr_gold": ("GLD", "gld"),
    "grayscale": ("GBTC", GBTC),
    "twentyone_shares": ("ARKB", "arkb"),
    "vaneck": ("HODL", "bitcoin-etf-hodl"),
}
LAST = date(2026, 9, 17)

Ask: TypeAlias = Callable[..., pl.DataFrame]


@pytest.fixture
def issuers(clock: FixedClock) -> Iterator[FakeIssuers]:
    with FakeIssuers(make_funds(7, LAST), clock=clock) as running:
        yield running


@pytest.fixture
def ask(issuers: FakeIssuers, clock: FixedClock, ledger: MemoryLedger) -> Ask:
    def _ask(name: str, symbol: str = "", share_id: str = "", **changed: Any) -> pl.DataFrame:
        options: dict[str, Any] = {"base_url": issuers.url, "timeout": 60.0} | changed
        default = FUNDS[name]
        with ISSUERS[name](clock=clock, ledger=ledger, **options) as issuer:
            return issuer.shares_outstanding(symbol or default[0], share_id or default[1])

    return _ask


def rows_of(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("session", "nav_usd", "shares").rows()


def as_rows(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [(row.session, row.nav, row.shares) for row in rows]


@pytest.mark.parametrize("name", ISSUERS)
def test_each_is_a_provider_of_shares(name: str, clock: FixedClock, ledger: MemoryLedger) -> None:
    with ISSUERS[name](clock=clock, ledger=ledger) as issuer:
        provider: SharesProvider = issuer
        assert provider.name == name
        assert isinstance(issuer, Issuer)


@pytest.mark.parametrize("name", ISSUERS)
def test_a_history_is_whole_and_in_order(ask: Ask, name: str) -> None:
    frame = ask(name)

    assert frame.schema == SHARES_SCHEMA
    assert frame["session"].is_sorted()
    assert frame["session"].is_unique().all()
    assert frame["session"][-1] == LAST
    assert frame["shares"].drop_nulls().len() == frame.height
    assert frame["published_at"].null_count() == frame.height
    assert set(frame["symbol"]) == {FUNDS[name][0]}
    assert set(frame["source"].str.split(":").list.first()) == {name}


def test_state_street_gives_shares_value_and_net_assets(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask("ssga", "DIA", "DIA")

    assert rows_of(frame) == as_rows(issuers.funds.ssga["dia"])
    assert frame["net_assets_usd"].null_count() == 0
    assert set(frame["convention"]) == {"as_traded"}
    assert [exchange.request.path for exchange in issuers.exchanges] == [
        "/library-content/products/fund-data/etfs/us/navhist-us-en-dia.xlsx"
    ]


@pytest.mark.parametrize("name", ["ssga", "spdr_gold", "grayscale", "twentyone_shares", "vaneck"])
def test_without_an_id_of_its_own_a_fund_is_asked_for_by_its_symbol(
    issuers: FakeIssuers, clock: FixedClock, ledger: MemoryLedger, name: str
) -> None:
    with ISSUERS[name](clock=clock, ledger=ledger, base_url=issuers.url, timeout=60.0) as issuer:
        assert issuer.shares_outstanding(FUNDS[name][0], "").height > 200


def test_state_street_may_write_dates_as_dates() -> None:
    rows = make_rows(1, weekdays(LAST, 20), nav=640.0, baskets=900)

    assert_frame_equal(
        StateStreet.read(navhist("spy", rows, has_excel_dates=True), "SPY", START),
        StateStreet.read(navhist("spy", rows), "SPY", START),
    )


def test_black_rock_gives_shares_and_value(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask("blackrock", "TLT", "239454")

    assert rows_of(frame) == as_rows(issuers.funds.blackrock["239454"])
    assert frame["net_assets_usd"].null_count() == frame.height
    assert issuers.exchanges[0].request.params["portfolioId"] == "239454"


@pytest.mark.parametrize("has_sparse_cells", [False, True])
@pytest.mark.parametrize("extra_columns", [(), ("Non-FV NAV",)])
def test_black_rock_may_leave_figures_out(has_sparse_cells: bool, extra_columns: tuple[str, ...]) -> None:
    rows = [Row(date(2026, 9, 14), 95.398171, None), Row(date(2026, 9, 15), None, 1_435_100_000)]
    rows += [Row(date(2026, 9, 16), 95.113595, 1_435_600_000)]

    content = fund_document("A & B", rows, has_sparse_cells=has_sparse_cells, extra_columns=extra_columns)

    assert rows_of(BlackRock.read(content, "TLT", START)) == as_rows(rows)


@pytest.mark.slow
def test_gold_has_as_many_shares_as_its_value_goes_into_its_net_assets(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask("spdr_gold")

    rows = issuers.funds.gold["gld"]
    assert frame["session"].to_list() == [row.session for row in rows]
    # Both figures are rounded, so the quotient misses the count, but by less than one share.
    misses = frame["shares"] - pl.Series([float(row.shares or 0) for row in rows])
    assert misses.abs().max() < 1  # type: ignore[operator]


@pytest.mark.parametrize("holiday", ["US Holiday", "HOLIDAY", " HOLIDAY", "NYSE Closed", "AWAITED NAV", "AWAITED"])
def test_a_day_off_is_no_row_of_gold(holiday: str) -> None:
    rows = make_rows(1, weekdays(LAST, 5), nav=380.0, baskets=2_600, basket=100_000)
    day_off = LAST + timedelta(days=1)

    frame = SpdrGold.read(gold_archive(rows, [day_off], holiday=holiday), "GLD", START)

    assert frame["session"].to_list() == [row.session for row in rows]


def test_gold_as_it_was_first_published() -> None:
    # 18 November 2004: 114,920,000 dollars at 44.20 a share are 2,600,000 shares, or 26 baskets.
    header = ["Date", "GLD Close", "NAV/share at 10.30 a.m. NYT", "Total Net Asset Value in the Trust"]
    sheet: list[list[object]] = [[*header], ["18-Nov-2004", 44.38, 44.2, 114_920_000.0]]

    frame = SpdrGold.read(workbook({"US GLD Historical Archive": sheet}), "GLD", START)

    assert frame.select("session", "shares", "net_assets_usd").row(0) == (
        date(2004, 11, 18),
        pytest.approx(2_600_000),
        114_920_000.0,
    )


@pytest.mark.slow
def test_a_split_shows_at_state_street_and_the_figures_are_those_of_their_day(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask("ssga", "XLK", "xlk")

    assert rows_of(frame) == as_rows(issuers.funds.ssga["xlk"])
    assert set(frame["convention"]) == {"as_traded"}
    jump = frame["shares"] / frame["shares"].shift()
    assert (jump > 9).sum() == 1


def test_black_rocks_convention_is_taken_from_what_the_figures_show(ask: Ask) -> None:
    days = weekdays(LAST, 20)
    plain = make_rows(1, days, nav=17.0, baskets=900)
    # The same fund before and after a 10:1 split on the tenth day, told in both ways.
    as_traded = split([Row(row.session, (row.nav or 0) * 10, (row.shares or 0) // 10) for row in plain], days[10], 10)

    assert set(BlackRock.read(fund_document("S", as_traded), "SLV", START)["convention"]) == {"as_traded"}
    assert set(BlackRock.read(fund_document("S", plain), "SLV", START)["convention"]) == {"split_adjusted"}
    assert set(ask("blackrock", "SLV", "239855")["convention"]) == {"as_traded"}
    assert set(ask("blackrock", "IWM", "239710")["convention"]) == {"split_adjusted"}


def test_a_split_is_no_flow_in_whichever_convention_it_is_told(clock: FixedClock) -> None:
    days = weekdays(LAST, 20)
    adjusted = make_rows(1, days, nav=17.0, baskets=9_000)
    as_traded = split(
        [Row(row.session, (row.nav or 0) * 10, (row.shares or 0) // 10) for row in adjusted], days[10], 10
    )
    actions = pl.DataFrame({"symbol": ["SLV"], "session": [days[10]], "action": ["split"], "value": [10.0]})

    told = [
        StateStreet.read(navhist("slv", as_traded), "SLV", START),
        BlackRock.read(fund_document("S", as_traded), "SLV", START),
        BlackRock.read(fund_document("S", adjusted), "SLV", START),
    ]

    expected = [float(row.shares or 0) for row in adjusted]
    for frame in told:
        vintage = frame.with_columns(vintage=pl.lit(1, pl.Int32), fetched_at=pl.lit(clock.now()))
        comparable = comparable_shares(vintage, actions)
        assert comparable["present_shares"].to_list() == pytest.approx(expected)
        assert comparable["shares"].to_list() == pytest.approx([float(row.shares or 0) for row in as_traded])
        assert comparable["nav_usd"].to_list() == pytest.approx([row.nav for row in as_traded])


@pytest.mark.slow
def test_a_restated_row_is_what_the_next_answer_has(ask: Ask, issuers: FakeIssuers) -> None:
    before = ask("ssga")
    restated = before["session"][-3]
    issuers.restate(issuers.funds.ssga["spy"], restated, 1_234_550_000)

    after = ask("ssga")

    changed = before.join(after, on="session").filter(pl.col("shares") != pl.col("shares_right"))
    assert changed["session"].to_list() == [restated]
    assert changed["shares_right"].to_list() == [1_234_550_000.0]


@pytest.mark.parametrize("name", ISSUERS)
def test_a_fund_that_an_issuer_does_not_know_is_not_found_and_not_asked_again(
    ask: Ask, issuers: FakeIssuers, name: str
) -> None:
    with pytest.raises(NotFoundError, match=f"{name} .*HTTP 40[04]"):
        ask(name, "NOPE", "nope")
    assert issuers.calls() == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", one_quick(ISSUERS))
def test_what_may_pass_is_asked_again(ask: Ask, issuers: FakeIssuers, clock: FixedClock, name: str) -> None:
    spoilt = (
        faults.html(200),
        faults.empty(),
        faults.truncated(),
        faults.cut_off(),
        faults.reset(),
        faults.html(503),
        faults.html(429, {"retry-after": "30"}),
    )
    issuers.script(ENDPOINTS[name], *spoilt)

    assert ask(name).height > 200
    assert issuers.calls() == len(spoilt) + 1
    assert clock.now() > START + timedelta(seconds=30)


@pytest.mark.slow
@pytest.mark.parametrize("name", one_quick(ISSUERS))
def test_a_page_that_stays_under_success_is_a_bad_answer(ask: Ask, issuers: FakeIssuers, name: str) -> None:
    issuers.script(ENDPOINTS[name], *[faults.html(200)] * 20)

    with pytest.raises(BadResponseError, match=r"HTTP 200, an HTML page 'OK'.*given up after"):
        ask(name)


@pytest.mark.parametrize("name", ISSUERS)
@pytest.mark.parametrize(("status", "kind"), [(403, PermanentProviderError), (301, PermanentProviderError)])
def test_a_refusal_is_not_asked_again(
    ask: Ask, issuers: FakeIssuers, name: str, status: int, kind: type[Exception]
) -> None:
    issuers.script(ENDPOINTS[name], faults.html(status))

    with pytest.raises(kind, match=f"HTTP {status}"):
        ask(name)
    assert issuers.calls() == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", one_quick(ISSUERS))
def test_an_issuer_that_is_down_is_given_up(ask: Ask, issuers: FakeIssuers, name: str) -> None:
    issuers.script(ENDPOINTS[name], *[faults.reset()] * 30)

    with pytest.raises(TransientProviderError, match="given up after"):
        ask(name)


def test_the_earlier_address_of_black_rock_answers_with_a_page(
    issuers: FakeIssuers, clock: FixedClock, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = OLD_LINK.format(id="239710", name="ishares-russell-2000-etf", file="1467271812596")
    monkeypatch.setattr(BlackRock, "endpoint", old)

    with (
        BlackRock(clock=clock, ledger=ledger, base_url=issuers.url, timeout=60.0) as issuer,
        pytest.raises(BadResponseError, match="HTTP 200, an HTML page 'iShares by BlackRock'"),
    ):
        issuer.shares_outstanding("IWM", "239710")


BOMBED = {
    "ssga": with_bomb(navhist("spy", make_rows(1, weekdays(LAST, 5), nav=640.0, baskets=900))),
    "blackrock": fund_document("A", make_rows(1, weekdays(LAST, 5), nav=9.0, baskets=900), prologue=BOMB),
    "spdr_gold": with_bomb(gold_archive(make_rows(1, weekdays(LAST, 5), nav=380.0, baskets=900))),
}


@pytest.mark.parametrize("name", BOMBED)
def test_a_document_with_entities_of_its_own_is_refused_and_not_asked_again(
    ask: Ask, issuers: FakeIssuers, name: str
) -> None:
    issuers.script(ENDPOINTS[name], lambda reply: type(reply)(200, BOMBED[name], "application/octet-stream"))

    with pytest.raises(
        UnexpectedResponseError, match=r"a response of an unexpected shape: .*declares a document type"
    ) as fault:
        ask(name)
    assert "\n" not in str(fault.value)
    assert issuers.calls() == 1


@pytest.mark.parametrize("name", ISSUERS)
def test_an_error_text_under_success_is_a_bad_answer_that_shows_it(ask: Ask, issuers: FakeIssuers, name: str) -> None:
    issuers.script(ENDPOINTS[name], faults.json_error(200, {"error": "document is being prepared"}))

    with pytest.raises(UnexpectedResponseError, match="document is being prepared"):
        ask(name)


def test_a_count_that_is_a_date_names_its_row_at_black_rock(
    ask: Ask, issuers: FakeIssuers, caplog: pytest.LogCaptureFixture
) -> None:
    issuers.restate(issuers.funds.blackrock["239710"], LAST, 20260916)

    with caplog.at_level(logging.WARNING):
        frame = ask("blackrock")
    assert LAST not in frame["session"]
    assert "row 2 (2026-09-17): 20,260,916.00 shares is a date" in caplog.text


@pytest.mark.slow
def test_a_sheet_that_moved_is_named_beside_those_that_are_there() -> None:
    book = workbook({"History": [["Date"]], "Notes": [[]]})

    with pytest.raises(ParseError, match="expected a sheet `navhist`, found History, Notes"):
        StateStreet.read(book, "SPY", START)
    with pytest.raises(ParseError, match=r"expected a sheet `\*Historical Archive`, found History, Notes"):
        SpdrGold.read(book, "GLD", START)


@pytest.mark.slow
@pytest.mark.parametrize("name", ISSUERS)
def test_every_attempt_is_on_record_and_says_who_asks(
    ask: Ask, issuers: FakeIssuers, ledger: MemoryLedger, name: str
) -> None:
    issuers.script(ENDPOINTS[name], faults.html(503))

    ask(name)

    assert [(call.provider, call.endpoint) for call in ledger.calls] == [(name, ENDPOINTS[name])] * 2
    assert issuers.exchanges[0].request.headers["accept"] == "*/*"
    assert issuers.exchanges[0].request.headers["user-agent"] == "marketflows-pipeline"
