"""The stand-in for issuers, held to what was seen of the real ones, without a client of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from itertools import pairwise

import httpx
import openpyxl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.fund_issuers.service import (
    BTCO,
    DOCUMENT_PARAMS,
    GBTC,
    HISTO_PRICES,
    PERFORMANCE,
    QQQ,
    SHARE_CLASS,
    SNAPSHOT_PARAMS,
    TRUST,
    VALUATIONS,
    XLSX,
    FakeIssuers,
    Funds,
    make_funds,
)
from marketflows_pipeline_tests.fakes.plain_http import plain_client

LAST = date(2026, 9, 17)
NAVHIST = "/library-content/products/fund-data/etfs/us/navhist-us-en-{}.xlsx"
DOCUMENT = "/varnish-api/blk-one01-product-data/product-data/api/v1/get-fund-document"
ARCHIVE = "/api/v1/historical-archive?exchange=NYSE&lang=en&product=gld"


@pytest.fixture(scope="module")
def funds() -> Funds:
    return make_funds(7, LAST, sessions=40)


@pytest.fixture
def client(funds: Funds, clock: FixedClock) -> Iterator[httpx.Client]:
    with FakeIssuers(funds, clock=clock) as running, plain_client(base_url=running.url, timeout=60.0) as opened:
        yield opened


def test_state_street_has_three_lines_above_its_table_and_a_notice_below(client: httpx.Client, funds: Funds) -> None:
    answer = client.get(NAVHIST.format("spy"))

    book = openpyxl.load_workbook(BytesIO(answer.content))
    rows = list(book["navhist"].iter_rows(values_only=True))
    newest = funds.ssga["spy"][-1]
    assert answer.headers["content-type"] == XLSX
    assert [row[0] for row in rows[:3]] == ["Fund Name:", "Ticker Symbol:", None]
    assert rows[3] == ("Date", "NAV", "Shares Outstanding", "Total Net Assets")
    assert rows[4] == ("17-Sep-2026", newest.nav, newest.shares, newest.net_assets)
    assert rows[5][0] == "16-Sep-2026"
    assert [row[0] is None for row in rows[4 + 40 :]] == [True, True, False, False]


def test_black_rock_is_not_well_formed_xml_until_it_is_repaired(client: httpx.Client) -> None:
    answer = client.get(DOCUMENT, params={**DOCUMENT_PARAMS, "portfolioId": "239710"})

    assert answer.headers["content-type"] == "application/vnd.ms-excel"
    assert answer.content.startswith(b"\xef\xbb\xbf\xef\xbb\xbf<?xml")
    assert re.search(rb"&(?!amp;)", answer.content)
    assert re.findall(rb'Worksheet ss:Name="(\w+)"', answer.content) == [b"Holdings", b"Historical", b"Distributions"]
    assert b">As Of<" in answer.content
    assert b">Sep 17, 2026<" in answer.content


def test_gold_says_of_a_day_off_what_it_is(client: httpx.Client, funds: Funds) -> None:
    book = openpyxl.load_workbook(BytesIO(client.get(ARCHIVE).content))

    assert book.sheetnames == ["Disclaimer", "US GLD Historical Archive"]
    rows = list(book.worksheets[1].iter_rows(values_only=True))
    (day_off,) = [row for row in rows if "US Holiday" in row]
    assert day_off[0] == f"{funds.holidays[0]:%d-%b-%Y}"
    assert set(day_off[1:]) == {"US Holiday"}
    assert len(rows) == 1 + 40


@pytest.mark.parametrize(
    ("path", "status", "is_page"),
    [
        (NAVHIST.format("nope"), 404, True),
        (f"{DOCUMENT}?portfolioId=1", 400, False),
        (f"{DOCUMENT}?portfolioId=239710", 400, False),
        (ARCHIVE.replace("gld", "iau"), 404, False),
        ("/product-performance/00000000-0000-0000-0000-000000000000.xlsx", 404, False),
        ("/api/product_valuation_history/NOPE", 404, False),
        ("/us/en/investments/bitcoin-etf-hodl/downloads/fundhistoprices/", 302, False),
        ("/us/products/239710/ishares-russell-2000-etf/1467271812596.ajax?fileType=xls", 200, True),
    ],
)
def test_what_is_not_there_is_said_as_each_issuer_says_it(
    client: httpx.Client, path: str, status: int, is_page: bool
) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert ("html" in answer.headers.get("content-type", "")) == is_page


def test_invesco_has_one_session_of_a_fund_and_an_empty_text_for_what_it_does_not_know(
    client: httpx.Client, funds: Funds
) -> None:
    newest = funds.invesco[QQQ][-1]
    params = {**SNAPSHOT_PARAMS, "productSubType": "ETF"}

    answer = client.get(SHARE_CLASS.format(fund=QQQ), params=params)

    body = answer.json()
    assert [body[key] for key in ("effectiveDate", "cusip", "nav", "sharesOutstanding")] == [
        "2026-09-17", QQQ, newest.nav, newest.shares,
    ]  # fmt: skip
    for fund, kind in ((QQQ, TRUST), (BTCO, "ETF"), ("QQQ", "ETF")):
        unknown = client.get(SHARE_CLASS.format(fund=fund), params=params | {"productSubType": kind})
        assert (unknown.status_code, unknown.content) == (200, b'""')
    browser = client.get(SHARE_CLASS.format(fund=QQQ), params=params, headers={"user-agent": "Mozilla/5.0 (X11)"})
    assert (browser.status_code, browser.content) == (406, b"")


@pytest.mark.slow
def test_coin_funds_are_told_in_the_layouts_that_were_seen(client: httpx.Client, funds: Funds) -> None:
    grayscale = openpyxl.load_workbook(BytesIO(client.get(PERFORMANCE.format(fund=GBTC)).content))
    assert grayscale.sheetnames[:2] == ["Daily Performance", "Holdings"]
    head, newest = list(grayscale.worksheets[0].iter_rows(values_only=True))[:2]
    assert {"Date", "Shares Outstanding", "NAV Per Share", "AUM"} <= set(head)
    assert newest[head.index("Date")] == "2026-09-17"

    valuations = client.get(VALUATIONS.format(fund="ARKB")).json()["data"]
    assert {"valuation_date", "nav_per_share", "total_units_outstanding", "total_nav", "index"} <= set(valuations[0])
    assert (valuations[0]["valuation_date"], len(valuations)) == ("2026-09-17", 40)

    prices = client.get(HISTO_PRICES.format(fund="bitcoin-etf-hodl"), headers={"cookie": "vaneck_cookies=1"})
    rows = list(openpyxl.load_workbook(BytesIO(prices.content)).worksheets[0].iter_rows(values_only=True))
    assert [row[0] for row in rows[:3]] == ["VanEck Bitcoin ETF - HODL", "Date", "09/17/2026"]
    assert {"NAV", "AUM", "Index Level", "Volume"} <= set(rows[1])


def test_the_same_seed_gives_the_same_funds_and_a_split_changes_no_net_assets(funds: Funds) -> None:
    assert make_funds(7, LAST, sessions=40) == funds
    assert make_funds(8, LAST, sessions=40) != funds
    rows = funds.ssga["xlk"]
    assets = [row.net_assets or 0.0 for row in rows]
    assert all(abs(now / before - 1) < 0.2 for before, now in pairwise(assets))
    assert sum((now.shares or 0) > 5 * (before.shares or 0) for before, now in pairwise(rows)) == 1
