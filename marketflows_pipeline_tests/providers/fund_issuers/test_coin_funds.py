"""Funds of coins from BlackRock, Grayscale, 21Shares and VanEck: what is peculiar to each, over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError, TransientProviderError, UnexpectedResponseError
from marketflows_pipeline.providers.fund_issuers.fund_ids import GRAYSCALE
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.issuers import BlackRock, Grayscale, TwentyOneShares, VanEck
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.transforms.cross_asset.shares import comparable_shares
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.fund_issuers.coin_funds import NO_BUCKET, daily_performance, histo_prices
from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import (
    Row,
    fund_document,
    make_rows,
    weekdays,
    with_bomb,
    workbook,
)
from marketflows_pipeline_tests.fakes.fund_issuers.service import (
    GBTC,
    HISTO_PRICES,
    PERFORMANCE,
    VALUATIONS,
    FakeIssuers,
    make_funds,
)
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.replies import Reply
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

LAST = date(2026, 9, 17)
DAYS = weekdays(LAST, 20)

Ask = Callable[..., pl.DataFrame]


@pytest.fixture
def issuers(clock: FixedClock) -> Iterator[FakeIssuers]:
    with FakeIssuers(make_funds(7, LAST, sessions=20), clock=clock) as running:
        yield running


@pytest.fixture
def ask(issuers: FakeIssuers, clock: FixedClock, ledger: MemoryLedger) -> Ask:
    def _ask(issuer: type[Issuer], symbol: str, share_id: str = "") -> pl.DataFrame:
        with issuer(clock=clock, ledger=ledger, base_url=issuers.url, timeout=60.0) as opened:
            return opened.shares_outstanding(symbol, share_id)

    return _ask


def figures(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("session", "nav_usd", "shares", "net_assets_usd").rows()


def of_rows(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [(row.session, row.nav, row.shares, row.net_assets) for row in rows]


def presented(frame: pl.DataFrame, symbol: str, splits: list[tuple[date, float]]) -> pl.DataFrame:
    """Figures in present shares, as flows are made of them."""
    actions = pl.DataFrame(
        [(symbol, session, "split", ratio) for session, ratio in splits],
        schema=["symbol", "session", "action", "value"],
        orient="row",
    )
    stored = frame.with_columns(vintage=pl.lit(1, pl.Int32), fetched_at=pl.lit(START))
    return comparable_shares(stored, actions)


@pytest.mark.parametrize(("symbol", "share_id"), [("GBTC", ""), ("GBTC", "gbtc"), ("G", "GBTC"), ("G", GBTC.upper())])
def test_grayscales_tickers_stand_for_the_ids_of_its_workbooks(
    ask: Ask, issuers: FakeIssuers, symbol: str, share_id: str
) -> None:
    frame = ask(Grayscale, symbol, share_id)

    assert figures(frame) == of_rows(issuers.funds.grayscale[GBTC])
    assert set(frame["symbol"]) == {symbol}
    assert set(frame["source"]) == {"grayscale:performance"}
    assert [exchange.request.path for exchange in issuers.exchanges] == [f"/product-performance/{GBTC}.xlsx"]


def test_grayscale_has_four_funds_by_ticker() -> None:
    assert list(GRAYSCALE) == ["GBTC", "BTC", "ETHE", "ETH"]
    assert len({Grayscale.fund(ticker) for ticker in GRAYSCALE}) == 4


@pytest.mark.slow
def test_grayscale_may_write_dates_as_dates() -> None:
    rows = make_rows(1, DAYS, nav=49.0, baskets=3_000)

    assert_frame_equal(
        Grayscale.read(daily_performance("GBTC", rows, has_excel_dates=True), "GBTC", START),
        Grayscale.read(daily_performance("GBTC", rows), "GBTC", START),
    )


@pytest.mark.slow
def test_a_bucket_that_is_said_to_be_gone_comes_back(ask: Ask, issuers: FakeIssuers) -> None:
    """The store says so now and then of a file that is there a moment later."""
    gone = [lambda _: Reply(404, NO_BUCKET, "application/xml")] * 6
    issuers.script(PERFORMANCE, *gone)

    assert ask(Grayscale, "GBTC").height == 20
    assert issuers.calls() == 7


def test_a_bucket_that_stays_gone_is_given_up(ask: Ask, issuers: FakeIssuers) -> None:
    issuers.script(PERFORMANCE, *[lambda _: Reply(404, NO_BUCKET, "application/xml")] * 30)

    with pytest.raises(TransientProviderError, match=r"NoSuchBucket.*given up after"):
        ask(Grayscale, "GBTC")


def test_a_workbook_that_is_not_there_is_an_unknown_fund(ask: Ask, issuers: FakeIssuers) -> None:
    with pytest.raises(NotFoundError, match="NoSuchKey"):
        ask(Grayscale, "GBTC", "00000000-0000-0000-0000-000000000000")
    assert issuers.calls() == 1


def test_of_a_few_rows_whose_assets_are_no_product_the_others_stay() -> None:
    """Grayscale's net assets are shares times value on all but some 2 % of its rows."""
    rows = make_rows(3, weekdays(LAST, 100), nav=49.0, baskets=3_000)
    odd = rows[50].session
    head: list[object] = ["Date", "Shares Outstanding", "NAV Per Share", "AUM"]
    table: list[list[object]] = [
        [str(row.session), (row.shares or 0) * (2 if row.session == odd else 1), row.nav, row.net_assets]
        for row in rows
    ]
    spoilt = workbook({"Daily Performance": [head, *table]})

    frame = Grayscale.read(spoilt, "GBTC", START)
    assert frame.height == 99
    assert odd not in frame["session"]


def test_21_shares_gives_every_valuation(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask(TwentyOneShares, "ARKB", "arkb")

    assert figures(frame) == of_rows(issuers.funds.twentyone_shares["ARKB"])
    assert set(frame["source"]) == {"twentyone_shares:valuations"}
    assert issuers.exchanges[0].request.path.endswith("/ARKB")


def test_a_split_of_21_shares_shows_in_its_figures_and_is_no_flow(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask(TwentyOneShares, "ARKB")

    rows = issuers.funds.twentyone_shares["ARKB"]
    assert set(frame["convention"]) == {"as_traded"}
    present = presented(frame, "ARKB", [(rows[10].session, 3.0)])["present_shares"]
    assert present.to_list() == [float(row.shares or 0) * (3 if row.session < rows[10].session else 1) for row in rows]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: body | {"data": None}, "expected a list `data`"),
        (lambda body: body | {"data": []}, "expected the columns valuation_date"),
        (lambda body: body | {"data": [{"day": 1}] * 3}, "expected the columns valuation_date"),
        (lambda body: body | {"data": ["text"] * 20}, "expected the columns valuation_date"),
        (lambda body: body["data"], "Expected `object`, got `array`"),
        (lambda body: body | {"data": [row | {"total_nav": "much"} for row in body["data"]]}, "20 of 20 rows"),
        (lambda body: body | {"data": [{"k" * at: 1 for at in range(300)}]}, "300 different keys"),
        (lambda body: body | {"data": [{}] * 70_000}, "70,000 rows"),
    ],
)
def test_valuations_of_another_shape_are_refused_in_one_line(
    ask: Ask, issuers: FakeIssuers, change: Callable[[Any], object], said: str
) -> None:
    issuers.script(VALUATIONS, faults.in_json(change))

    with pytest.raises(UnexpectedResponseError) as fault:
        ask(TwentyOneShares, "ARKB")
    assert said in str(fault.value)
    assert str(fault.value).isprintable()


@pytest.mark.parametrize("bad", ["text", None, {}, {"valuation_date": "soon", "nav_per_share": 1}])
def test_one_bad_valuation_is_left_out_and_the_others_stay(
    ask: Ask, issuers: FakeIssuers, caplog: pytest.LogCaptureFixture, bad: object
) -> None:
    issuers.script(VALUATIONS, faults.in_json(lambda body: body | {"data": [*body["data"], bad]}))

    assert ask(TwentyOneShares, "ARKB").height == 20
    # What has no figures is no row, as a notice below a table is none.
    assert ("1 rows left out" in caplog.text) == bool(isinstance(bad, dict) and bad)


@pytest.mark.slow
def test_shares_of_vaneck_are_derived_and_say_so(ask: Ask, issuers: FakeIssuers) -> None:
    frame = ask(VanEck, "HODL")

    rows = issuers.funds.vaneck["bitcoin-etf-hodl"]
    assert frame["session"].to_list() == [row.session for row in rows]
    assert set(frame["source"]) == {"vaneck:derived"}
    misses = frame["shares"] / pl.Series([float(row.shares or 0) for row in rows]) - 1
    # The value is printed to a hundredth of a cent.
    assert misses.abs().max() < 0.00005 / 20  # type: ignore[operator]
    assert issuers.exchanges[0].request.path == "/us/en/investments/bitcoin-etf-hodl/downloads/fundhistoprices/"
    assert issuers.exchanges[0].request.headers["cookie"] == "vaneck_cookies=1"


def test_a_weekend_on_which_vaneck_repeats_friday_is_no_session() -> None:
    friday = Row(date(2026, 9, 11), 25.5, 60_000_000)
    weekend = [replace(friday, session=friday.session + timedelta(days=days)) for days in (1, 2)]

    frame = VanEck.read(histo_prices([friday, *weekend]), "HODL", START)

    assert frame["session"].to_list() == [friday.session]


@pytest.mark.slow
def test_a_session_of_which_vaneck_lacks_net_assets_has_no_shares() -> None:
    rows = [Row(date(2026, 9, 10), 25.5, None), Row(date(2026, 9, 11), 25.6, 60_000_000)]

    frame = VanEck.read(histo_prices(rows), "HODL", START)

    assert frame["shares"].to_list() == [None, pytest.approx(60_000_000)]


def test_a_redirect_for_want_of_cookies_is_not_followed(ask: Ask, issuers: FakeIssuers) -> None:
    issuers.script(HISTO_PRICES, faults.redirect("http://127.0.0.1:1/cookies-disabled/"))

    with pytest.raises(UnexpectedResponseError, match="HTTP 302, a redirect, which is not followed"):
        ask(VanEck, "HODL")
    assert issuers.calls() == 1


@pytest.mark.parametrize("issuer", [Grayscale, VanEck])
def test_a_hostile_workbook_is_refused(issuer: type[Issuer]) -> None:
    rows = make_rows(1, DAYS, nav=25.0, baskets=900)
    content = daily_performance("GBTC", rows) if issuer is Grayscale else histo_prices(rows)

    with pytest.raises(ParseError, match="declares a document type"):
        issuer.read(with_bomb(content), "X", START)
    with pytest.raises(ParseError, match=r"expected (the columns|a sheet)"):
        issuer.read(workbook({"Other": [["Name", "Weight"], ["Bitcoin", 1]]}), "X", START)


def test_a_reverse_split_of_ethers_fund_is_no_flow() -> None:
    """BlackRock's ETHA was split in reverse on 6 October 2026; the ratio here is made up."""
    days = weekdays(date(2026, 10, 9), 8)
    first = date(2026, 10, 6)
    held = 400_000_000
    rows = [Row(day, 20.0 if day < first else 80.0, held if day < first else held // 4) for day in days]

    frame = BlackRock.read(fund_document("iShares Ethereum Trust ETF", rows), "ETHA", START + timedelta(days=30))

    assert set(frame["convention"]) == {"as_traded"}
    present = presented(frame, "ETHA", [(first, 0.25)])
    assert present["present_shares"].to_list() == [held / 4] * len(days)
    assert present["present_nav_usd"].to_list() == [80.0] * len(days)
    assert present["shares"].to_list() == [row.shares for row in rows]
